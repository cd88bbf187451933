//! Socket addresses between text, as TypeScript has them, and the kernel's structures. Names are
//! not resolved: an address is numeric IPv4 or IPv6 (with `%interface` where it needs one), or a
//! path.

const std = @import("std");
const linux = std.os.linux;
const net = std.Io.net;
const assert = std.debug.assert;

/// A kernel address of any family, and how much of it counts.
pub const Address = struct {
    storage: linux.sockaddr.storage,
    length: linux.socklen_t,

    pub fn sockaddr(address: *const Address) *const linux.sockaddr {
        return @ptrCast(&address.storage);
    }

    pub fn family(address: *const Address) u32 {
        return address.storage.family;
    }

    fn from(value: anytype, length: usize) Address {
        assert(length <= @sizeOf(@TypeOf(value)));
        assert(length <= linux.sockaddr.SS_MAXSIZE);
        var address: Address = .{
            .storage = std.mem.zeroes(linux.sockaddr.storage),
            .length = @intCast(length),
        };
        const bytes = std.mem.asBytes(&address.storage);
        @memcpy(bytes[0..@sizeOf(@TypeOf(value))], std.mem.asBytes(&value));
        return address;
    }
};

/// An address as TypeScript reads it. `port` stays 0 for a path.
pub const Text = extern struct {
    family: Family,
    port: i32,
    length: i32,
    bytes: [capacity]u8,

    /// A socket path is the longest text: 108 bytes in the kernel's structure.
    pub const capacity = 116;
    pub const Family = enum(i32) { none = 0, ip = 1, unix = 2 };

    /// The numbers that src/abi.ts must repeat, in the order that its test reads them.
    pub const layout = [_]i32{
        @sizeOf(Text),
        @offsetOf(Text, "family"),
        @offsetOf(Text, "port"),
        @offsetOf(Text, "length"),
        @offsetOf(Text, "bytes"),
        @intFromEnum(Family.ip),
        @intFromEnum(Family.unix),
    };
};

comptime {
    assert(@sizeOf(Text) == 128);
    assert(@offsetOf(Text, "bytes") == 12);
    assert(Text.capacity >= @sizeOf(@FieldType(linux.sockaddr.un, "path")));
}

pub const ParseError = error{InvalidAddress};

/// `text` is a numeric address; a colon in it makes it IPv6.
pub fn parseIp(text: []const u8, port: u16) ParseError!Address {
    if (text.len > Text.capacity) return error.InvalidAddress;
    if (std.mem.findScalar(u8, text, ':') == null) {
        const ip4 = net.Ip4Address.parse(text, port) catch return error.InvalidAddress;
        return .from(linux.sockaddr.in{
            .port = std.mem.nativeToBig(u16, port),
            .addr = @bitCast(ip4.bytes),
        }, @sizeOf(linux.sockaddr.in));
    }
    const ip6 = switch (net.Ip6Address.Unresolved.parse(text)) {
        .success => |parsed| parsed,
        else => return error.InvalidAddress,
    };
    return .from(linux.sockaddr.in6{
        .port = std.mem.nativeToBig(u16, port),
        .flowinfo = 0,
        .addr = ip6.bytes,
        .scope_id = if (ip6.interface_name) |name| try scopeOf(name) else 0,
    }, @sizeOf(linux.sockaddr.in6));
}

/// `path` is a file's, or, with a leading NUL, a name in Linux's abstract namespace.
pub fn parseUnix(path: []const u8) ParseError!Address {
    var un: linux.sockaddr.un = .{ .path = @splat(0) };
    const abstract = path.len > 0 and path[0] == 0;
    // A file's path keeps a NUL at its end; an abstract name is counted to the byte.
    const longest = if (abstract) un.path.len else un.path.len - 1;
    if (path.len == 0 or path.len > longest) return error.InvalidAddress;
    @memcpy(un.path[0..path.len], path);
    const length = @offsetOf(linux.sockaddr.un, "path") + path.len + @intFromBool(!abstract);
    return .from(un, length);
}

/// Writes the kernel's address as text; a nameless peer has no family.
pub fn format(address: *const Address, text: *Text) void {
    text.* = .{ .family = .none, .port = 0, .length = 0, .bytes = undefined };
    if (address.length < @sizeOf(linux.sa_family_t)) return;
    var writer: std.Io.Writer = .fixed(&text.bytes);
    switch (address.family()) {
        linux.AF.INET => {
            const in: *const linux.sockaddr.in = @ptrCast(&address.storage);
            const bytes: [4]u8 = @bitCast(in.addr);
            text.family = .ip;
            text.port = std.mem.bigToNative(u16, in.port);
            writer.print("{d}.{d}.{d}.{d}", .{ bytes[0], bytes[1], bytes[2], bytes[3] }) catch
                unreachable; // 15 bytes at most.
        },
        linux.AF.INET6 => {
            const in6: *const linux.sockaddr.in6 = @ptrCast(&address.storage);
            const unresolved: net.Ip6Address.Unresolved = .{
                .bytes = in6.addr,
                .interface_name = null,
            };
            text.family = .ip;
            text.port = std.mem.bigToNative(u16, in6.port);
            unresolved.format(&writer) catch unreachable; // 45 bytes at most.
            if (in6.scope_id != 0) writer.print("%{d}", .{in6.scope_id}) catch unreachable;
        },
        linux.AF.UNIX => {
            const path_length = address.length -| @offsetOf(linux.sockaddr.un, "path");
            if (path_length == 0) return;
            const un: *const linux.sockaddr.un = @ptrCast(&address.storage);
            const path = un.path[0..@min(path_length, un.path.len)];
            const abstract = path[0] == 0;
            text.family = .unix;
            writer.writeAll(if (abstract) path else std.mem.sliceTo(path, 0)) catch unreachable;
        },
        else => return,
    }
    text.length = @intCast(writer.end);
}

/// An interface's index, given as a number or by name.
fn scopeOf(name: []const u8) ParseError!u32 {
    if (std.fmt.parseInt(u32, name, 10)) |index| return index else |_| {}
    var request = std.mem.zeroes(linux.ifreq);
    if (name.len >= request.ifrn.name.len) return error.InvalidAddress;
    @memcpy(request.ifrn.name[0..name.len], name);

    const returned = linux.socket(linux.AF.INET6, linux.SOCK.DGRAM | linux.SOCK.CLOEXEC, 0);
    if (linux.errno(returned) != .SUCCESS) return error.InvalidAddress;
    const fd: i32 = @intCast(returned);
    defer _ = linux.close(fd);
    const asked = linux.ioctl(fd, linux.SIOCGIFINDEX, @intFromPtr(&request));
    if (linux.errno(asked) != .SUCCESS) return error.InvalidAddress;
    return @intCast(request.ifru.ivalue);
}

const testing = std.testing;

fn expectRoundTrip(text: []const u8) !void {
    const address = try parseIp(text, 8080);
    var formatted: Text = undefined;
    format(&address, &formatted);
    try testing.expectEqual(Text.Family.ip, formatted.family);
    try testing.expectEqual(@as(i32, 8080), formatted.port);
    try testing.expectEqualStrings(text, formatted.bytes[0..@intCast(formatted.length)]);
}

test "numeric addresses survive the trip through the kernel's structures" {
    for ([_][]const u8{
        "127.0.0.1",                 "255.255.255.255", "0.0.0.0",
        "::",                        "::1",             "fe80::1%1",
        "2001:db8::8:800:200c:417a",
    }) |text| try expectRoundTrip(text);
}

test "what is no numeric address is refused" {
    for ([_][]const u8{
        "",         "localhost", "127.0.0", "127.0.0.256", "127.0.0.1.1", ":::", "fe80::1%nowhere",
        "1" ** 200, ":" ** 200,
    }) |text| try testing.expectError(error.InvalidAddress, parseIp(text, 1));
}

test "socket paths: files, abstract names, and the longest that fits" {
    const abstract = "\x00abstract\x00name";
    const longest = "\x00" ++ "b" ** 107;
    for ([_][]const u8{ "/tmp/socket", abstract, "a" ** 107, longest }) |path| {
        const address = try parseUnix(path);
        var formatted: Text = undefined;
        format(&address, &formatted);
        try testing.expectEqual(Text.Family.unix, formatted.family);
        try testing.expectEqualStrings(path, formatted.bytes[0..@intCast(formatted.length)]);
    }
    for ([_][]const u8{ "", "a" ** 108, "\x00" ++ "b" ** 108 }) |path| {
        try testing.expectError(error.InvalidAddress, parseUnix(path));
    }
}
