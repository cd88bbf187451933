//! Socket addresses between text, as TypeScript has them, and the kernel's structures. Names are
//! not resolved: an address is numeric IPv4 or IPv6 (with `%interface` where it needs one), or a
//! path.

const std = @import("std");
const linux = std.os.linux;
const assert = std.debug.assert;

const ip_text = @import("ip_text.zig");
const outcome = @import("outcome.zig");
const system = @import("system.zig");
const calls = system.calls;
const sockaddr = calls.sockaddr;

/// A kernel address of any family, and how much of it counts.
pub const Address = struct {
    storage: sockaddr.storage,
    length: calls.socklen_t,

    pub fn pointer(address: *const Address) *const calls.sockaddr {
        return @ptrCast(&address.storage);
    }

    pub fn mutable(address: *Address) *calls.sockaddr {
        return @ptrCast(&address.storage);
    }

    pub fn family(address: *const Address) u32 {
        return address.storage.family;
    }

    fn from(value: anytype, length: usize) Address {
        assert(length <= @sizeOf(@TypeOf(value)));
        assert(length <= sockaddr.SS_MAXSIZE);
        var address: Address = .{
            .storage = std.mem.zeroes(sockaddr.storage),
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
    assert(Text.capacity >= ip_text.ip6_text_bytes_max + 1 + ip_text.decimal_text_bytes_max);
    assert(@sizeOf(Text) == 128);
    assert(@offsetOf(Text, "bytes") == 12);
    assert(Text.capacity >= @sizeOf(@FieldType(sockaddr.un, "path")));
}

pub const ParseError = error{InvalidAddress};

/// `text` is a numeric address; a colon in it makes it IPv6.
pub fn parseIp(text: []const u8, port: u16) ParseError!Address {
    if (find(text, ':') == null) {
        const bytes = ip_text.parseIp4(text) orelse return error.InvalidAddress;
        return .from(sockaddr.in{
            .port = std.mem.nativeToBig(u16, port),
            .addr = @bitCast(bytes),
        }, @sizeOf(sockaddr.in));
    }
    const scope = find(text, '%');
    const bytes = ip_text.parseIp6(text[0 .. scope orelse text.len]) orelse
        return error.InvalidAddress;
    return .from(sockaddr.in6{
        .port = std.mem.nativeToBig(u16, port),
        .flowinfo = 0,
        .addr = bytes,
        .scope_id = if (scope) |position| try scopeOf(text[position + 1 ..]) else 0,
    }, @sizeOf(sockaddr.in6));
}

/// A plain search: std's, by vectors, is larger than all of the parsing.
fn find(text: []const u8, byte: u8) ?usize {
    for (text, 0..) |candidate, position| {
        if (candidate == byte) return position;
    }
    return null;
}

/// A file's path keeps a NUL at its end; an abstract name is counted to the byte.
const abstract_bytes_max: usize = @typeInfo(@FieldType(sockaddr.un, "path")).array.len;
const path_bytes_max: usize = abstract_bytes_max - 1;

/// `path` is a file's, or, with a leading NUL, a name in Linux's abstract namespace.
pub fn parseUnix(path: []const u8) ParseError!Address {
    if (path.len == 0) return error.InvalidAddress;
    const abstract = path[0] == 0;
    if (abstract and system.on_macos) return error.InvalidAddress;
    const longest = if (abstract) abstract_bytes_max else path_bytes_max;
    if (path.len > longest) return error.InvalidAddress;
    var un: sockaddr.un = .{ .path = @splat(0) };
    @memcpy(un.path[0..path.len], path);
    const length = @offsetOf(sockaddr.un, "path") + path.len + @intFromBool(!abstract);
    return .from(un, length);
}

/// Writes the kernel's address as text; a nameless peer has no family.
pub fn format(address: *const Address, text: *Text) void {
    text.* = .{ .family = .none, .port = 0, .length = 0, .bytes = undefined };
    if (address.length < @sizeOf(calls.sa_family_t)) return;
    switch (address.family()) {
        calls.AF.INET => {
            const in: *const sockaddr.in = @ptrCast(&address.storage);
            text.family = .ip;
            text.port = std.mem.bigToNative(u16, in.port);
            text.length = @intCast(ip_text.formatIp4(@bitCast(in.addr), &text.bytes));
        },
        calls.AF.INET6 => {
            const in6: *const sockaddr.in6 = @ptrCast(&address.storage);
            text.family = .ip;
            text.port = std.mem.bigToNative(u16, in6.port);
            var length = ip_text.formatIp6(in6.addr, &text.bytes);
            if (in6.scope_id != 0) {
                text.bytes[length] = '%';
                length += 1;
                length += ip_text.formatDecimal(in6.scope_id, text.bytes[length..]);
            }
            text.length = @intCast(length);
        },
        calls.AF.UNIX => {
            const path_length = address.length -| @offsetOf(sockaddr.un, "path");
            if (path_length == 0) return;
            const un: *const sockaddr.un = @ptrCast(&address.storage);
            const path = un.path[0..@min(path_length, un.path.len)];
            const abstract = path[0] == 0;
            // macOS names the nameless by zeros.
            if (abstract and system.on_macos) return;
            const length = if (abstract) path.len else find(path, 0) orelse path.len;
            text.family = .unix;
            @memcpy(text.bytes[0..length], path[0..length]);
            text.length = @intCast(length);
        },
        else => {},
    }
}

/// An interface's index, given as a number or by name.
fn scopeOf(name: []const u8) ParseError!u32 {
    if (ip_text.parseDecimal(name)) |index| return index;
    const index = if (system.on_macos) scopeByLibc(name) else try scopeByIoctl(name);
    return if (index == 0) error.InvalidAddress else index;
}

fn scopeByLibc(name: []const u8) u32 {
    var terminated: [std.c.IFNAMESIZE:0]u8 = @splat(0);
    if (name.len >= terminated.len) return 0;
    @memcpy(terminated[0..name.len], name);
    return @intCast(std.c.if_nametoindex(&terminated));
}

fn scopeByIoctl(name: []const u8) ParseError!u32 {
    var request = std.mem.zeroes(linux.ifreq);
    if (name.len >= request.ifrn.name.len) return error.InvalidAddress;
    @memcpy(request.ifrn.name[0..name.len], name);

    const fd = system.socket(linux.AF.INET6, linux.SOCK.DGRAM);
    if (fd < 0) return error.InvalidAddress;
    defer system.close(fd);
    const asked = outcome.of(linux.ioctl(fd, linux.SIOCGIFINDEX, @intFromPtr(&request)));
    if (asked < 0) return error.InvalidAddress;
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

test "socket paths: files, and the longest that fits" {
    for ([_][]const u8{ "/tmp/socket", "a" ** path_bytes_max }) |path| try expectPath(path);
    for ([_][]const u8{ "", "a" ** (path_bytes_max + 1) }) |path| {
        try testing.expectError(error.InvalidAddress, parseUnix(path));
    }
}

test "abstract names: on Linux to the last byte, on macOS none" {
    for ([_][]const u8{ "\x00abstract\x00name", "\x00" ++ "b" ** path_bytes_max }) |name| {
        if (system.on_macos) {
            try testing.expectError(error.InvalidAddress, parseUnix(name));
        } else {
            try expectPath(name);
        }
    }
    const too_long = "\x00" ++ "b" ** abstract_bytes_max;
    try testing.expectError(error.InvalidAddress, parseUnix(too_long));
}

fn expectPath(path: []const u8) !void {
    const address = try parseUnix(path);
    var formatted: Text = undefined;
    format(&address, &formatted);
    try testing.expectEqual(Text.Family.unix, formatted.family);
    try testing.expectEqualStrings(path, formatted.bytes[0..@intCast(formatted.length)]);
}
