//! The system calls behind "bun-ioloop/io". Every fd made here is non-blocking and close-on-exec.
//! Results are a count, an fd or 0, else -errno. EINTR goes back to TypeScript, where a thread that
//! is being terminated must arrive.

const std = @import("std");

const address_text = @import("address.zig");
const non_sockets = @import("non_sockets.zig");
const outcome = @import("outcome.zig");
const system = @import("system.zig");
const calls = system.calls;
const Address = address_text.Address;

pub const Text = address_text.Text;

pub const Options = packed struct(u32) {
    datagram: bool = false,
    unix: bool = false,
    reuse_port: bool = false,
    _reserved: u29 = 0,

    /// The numbers that src/abi.ts must repeat, in the order that its test reads them.
    pub const layout = [_]i32{
        @bitCast(Options{ .datagram = true }),
        @bitCast(Options{ .unix = true }),
        @bitCast(Options{ .reuse_port = true }),
    };
};

pub fn listen(text: []const u8, port: u16, options: Options, backlog: u32) i32 {
    const address = parse(text, port, options) orelse return outcome.failure(.INVAL);
    const fd = open(&address, options);
    if (fd < 0) return fd;

    const prepared = prepareListener(fd, &address, options, backlog);
    if (prepared < 0) {
        system.close(fd);
        return prepared;
    }
    return fd;
}

fn prepareListener(fd: i32, address: *const Address, options: Options, backlog: u32) i32 {
    if (!options.unix and !options.datagram) {
        // A restarted service must not wait for its old connections in TIME_WAIT.
        const reused = setOption(fd, calls.SOL.SOCKET, calls.SO.REUSEADDR, 1);
        if (reused < 0) return reused;
    }
    if (!options.unix and options.reuse_port) {
        const shared = setOption(fd, calls.SOL.SOCKET, calls.SO.REUSEPORT, 1);
        if (shared < 0) return shared;
    }
    const bound = outcome.of(calls.bind(fd, address.pointer(), address.length));
    if (bound < 0 or options.datagram) return bound;
    return outcome.of(calls.listen(fd, backlog));
}

/// Does not wait: the socket becomes writable when the connection stands or has failed.
pub fn connect(text: []const u8, port: u16, options: Options) i32 {
    const address = parse(text, port, options) orelse return outcome.failure(.INVAL);
    const fd = open(&address, options);
    if (fd < 0) return fd;

    const connected = outcome.of(calls.connect(fd, address.pointer(), address.length));
    switch (outcome.errno(connected)) {
        // EINTR: the kernel goes on connecting.
        .SUCCESS, .INPROGRESS, .INTR => return fd,
        // EAGAIN, for a Unix socket, is a full backlog: nothing goes on, and no readiness will
        // tell.
        else => {
            system.close(fd);
            return connected;
        },
    }
}

pub fn accept(fd: i32) i32 {
    while (true) {
        const accepted = system.accept(fd);
        switch (outcome.errno(accepted)) {
            // This peer has gone again; another may be waiting behind it.
            .CONNABORTED, .PROTO => continue,
            else => {
                non_sockets.remove(accepted);
                return accepted;
            },
        }
    }
}

/// recv() costs less than read(). Asked for nothing, it would wait for something.
pub fn read(fd: i32, buffer: []u8) i32 {
    if (!system.on_macos and buffer.len > 0 and !non_sockets.has(fd)) {
        const received = outcome.of(calls.recvfrom(fd, buffer.ptr, buffer.len, 0, null, null));
        switch (outcome.errno(received)) {
            // Or a filter lets the process read(), and not recv().
            .NOTSOCK, .PERM, .NOSYS => non_sockets.add(fd),
            else => return received,
        }
    }
    return outcome.of(calls.read(fd, buffer.ptr, buffer.len));
}

pub fn write(fd: i32, buffer: []const u8) i32 {
    // On macOS the other way would change a socket's own settings.
    if (system.on_macos or !non_sockets.has(fd)) {
        const sent = send(fd, buffer);
        if (outcome.errno(sent) != .NOTSOCK) return sent;
        non_sockets.add(fd);
    }
    return system.writeWithoutSignal(fd, buffer);
}

pub fn close(fd: i32) i32 {
    non_sockets.remove(fd);
    return system.closeChecked(fd);
}

/// Takes one datagram; who sent it is written to `from` where somebody asks.
pub fn receive(fd: i32, buffer: []u8, from: ?*Text) i32 {
    const text = from orelse
        return outcome.of(calls.recvfrom(fd, buffer.ptr, buffer.len, 0, null, null));
    var sender: Address = .{ .storage = undefined, .length = @sizeOf(calls.sockaddr.storage) };
    const received = outcome.of(calls.recvfrom(
        fd,
        buffer.ptr,
        buffer.len,
        0,
        sender.mutable(),
        &sender.length,
    ));
    if (received >= 0) address_text.format(&sender, text);
    return received;
}

pub fn send(fd: i32, buffer: []const u8) i32 {
    const flags = system.msg_no_signal;
    return answerOfSend(outcome.of(calls.sendto(fd, buffer.ptr, buffer.len, flags, null, 0)));
}

pub fn sendTo(fd: i32, buffer: []const u8, text: []const u8, port: u16, options: Options) i32 {
    const address = parse(text, port, options) orelse return outcome.failure(.INVAL);
    return answerOfSend(outcome.of(calls.sendto(
        fd,
        buffer.ptr,
        buffer.len,
        system.msg_no_signal,
        address.pointer(),
        address.length,
    )));
}

/// A datagram that its receiver has no room for would block; macOS says ENOBUFS instead.
fn answerOfSend(result: i32) i32 {
    if (system.on_macos and outcome.errno(result) == .NOBUFS) return outcome.failure(.AGAIN);
    return result;
}

pub fn socketpair(options: Options, fds: *[2]i32) i32 {
    const made = system.socketpair(socketType(options), fds);
    if (made >= 0) for (fds) |fd| non_sockets.remove(fd);
    return made;
}

pub const Direction = enum(i32) { read = 0, write = 1, both = 2 };

pub fn shutdown(fd: i32, direction: Direction) i32 {
    if (system.on_macos and direction == .both) {
        // Both at once fail there as soon as the peer has ended its half, and end neither.
        _ = calls.shutdown(fd, calls.SHUT.RD);
        return outcome.of(calls.shutdown(fd, calls.SHUT.WR));
    }
    const how: i32 = switch (direction) {
        .read => calls.SHUT.RD,
        .write => calls.SHUT.WR,
        .both => calls.SHUT.RDWR,
    };
    return outcome.of(calls.shutdown(fd, how));
}

pub fn localPort(fd: i32) i32 {
    var address: Address = .{ .storage = undefined, .length = @sizeOf(calls.sockaddr.storage) };
    const asked = outcome.of(calls.getsockname(fd, address.mutable(), &address.length));
    if (asked < 0) return asked;
    var text: Text = undefined;
    address_text.format(&address, &text);
    return text.port;
}

/// The socket's pending error, which reading clears: 0 or an errno. -errno when the call failed.
pub fn socketError(fd: i32) i32 {
    var pending: i32 = 0;
    var length: calls.socklen_t = @sizeOf(i32);
    const asked = outcome.of(calls.getsockopt(
        fd,
        calls.SOL.SOCKET,
        calls.SO.ERROR,
        std.mem.asBytes(&pending),
        &length,
    ));
    return if (asked < 0) asked else pending;
}

fn parse(text: []const u8, port: u16, options: Options) ?Address {
    if (options.unix) return address_text.parseUnix(text) catch null;
    return address_text.parseIp(text, port) catch null;
}

fn open(address: *const Address, options: Options) i32 {
    const fd = system.socket(address.family(), socketType(options));
    non_sockets.remove(fd);
    if (fd < 0 or options.unix or options.datagram) return fd;
    // Small messages go out at once. Accepted sockets inherit this from their listener.
    const undelayed = setOption(fd, calls.IPPROTO.TCP, calls.TCP.NODELAY, 1);
    if (undelayed < 0) {
        system.close(fd);
        return undelayed;
    }
    return fd;
}

fn socketType(options: Options) u32 {
    return if (options.datagram) calls.SOCK.DGRAM else calls.SOCK.STREAM;
}

fn setOption(fd: i32, level: i32, option: u32, value: i32) i32 {
    return outcome.of(calls.setsockopt(fd, level, option, std.mem.asBytes(&value), @sizeOf(i32)));
}

const testing = std.testing;

test "a TCP connection carries bytes, and ends with 0" {
    const listener = listen("127.0.0.1", 0, .{}, 16);
    try testing.expect(listener >= 0);
    defer system.close(listener);
    try testing.expectEqual(outcome.failure(.AGAIN), accept(listener));
    const port = localPort(listener);
    try testing.expect(port > 0);

    const client = connect("127.0.0.1", @intCast(port), .{});
    try testing.expect(client >= 0);
    const server = accept(listener);
    try testing.expect(server >= 0);
    defer system.close(server);
    try testing.expectEqual(@as(i32, 0), socketError(client));

    var buffer: [16]u8 = undefined;
    try testing.expectEqual(outcome.failure(.AGAIN), read(server, &buffer));
    try testing.expectEqual(@as(i32, 5), write(client, "hello"));
    try testing.expectEqual(@as(i32, 5), read(server, &buffer));
    try testing.expectEqualStrings("hello", buffer[0..5]);
    try testing.expectEqual(@as(i32, 0), system.closeChecked(client));
    try testing.expectEqual(@as(i32, 0), read(server, &buffer));
}

test "a datagram tells its sender, over IPv4 and over a socketpair" {
    const here = listen("127.0.0.1", 0, .{ .datagram = true }, 0);
    try testing.expect(here >= 0);
    defer system.close(here);
    const port: u16 = @intCast(localPort(here));
    const sent = sendTo(here, "hi", "127.0.0.1", port, .{ .datagram = true });
    try testing.expectEqual(@as(i32, 2), sent);

    var buffer: [16]u8 = undefined;
    var from: Text = undefined;
    try testing.expectEqual(@as(i32, 2), receive(here, &buffer, &from));
    try testing.expectEqual(Text.Family.ip, from.family);
    try testing.expectEqual(@as(i32, port), from.port);

    var pair: [2]i32 = undefined;
    try testing.expectEqual(@as(i32, 0), socketpair(.{ .datagram = true }, &pair));
    defer for (pair) |fd| system.close(fd);
    try testing.expectEqual(@as(i32, 1), send(pair[0], "x"));
    try testing.expectEqual(@as(i32, 1), receive(pair[1], &buffer, &from));
    try testing.expectEqual(Text.Family.none, from.family);
}

test "what is no socket is read and written too, also once its number was a socket's, and back" {
    var pair: [2]i32 = undefined;
    try testing.expectEqual(@as(i32, 0), socketpair(.{}, &pair));
    defer for (pair) |fd| system.close(fd);
    var pipe: [2]i32 = undefined;
    try testing.expectEqual(@as(i32, 0), system.pipe(&pipe));
    defer for (pipe) |fd| system.close(fd);
    // The write end and the read end of each, under the same two numbers in turn.
    const ends = [_][2]i32{ .{ pair[0], pair[1] }, .{ pipe[1], pipe[0] } };
    const numbers = [_]i32{ outcome.of(calls.dup(pair[0])), outcome.of(calls.dup(pair[1])) };
    defer for (numbers) |fd| system.close(fd);

    var buffer: [16]u8 = undefined;
    for (0..4) |turn| {
        for (numbers, ends[turn % 2]) |number, end| {
            try testing.expectEqual(number, outcome.of(calls.dup2(end, number)));
        }
        try testing.expectEqual(outcome.failure(.AGAIN), read(numbers[1], &buffer));
        for (0..2) |_| {
            try testing.expectEqual(@as(i32, 5), write(numbers[0], "hello"));
            try testing.expectEqual(@as(i32, 0), read(numbers[1], buffer[0..0]));
            try testing.expectEqual(@as(i32, 5), read(numbers[1], &buffer));
            try testing.expectEqualStrings("hello", buffer[0..5]);
        }
        try testing.expectEqual(@as(i32, 0), read(numbers[1], buffer[0..0]));
    }
}

test "a number is forgotten to be no socket's when it is closed, or comes to be one's" {
    var fds: [2]i32 = undefined;
    for ([_]bool{ true, false }) |closes| {
        try testing.expectEqual(@as(i32, 0), system.pipe(&fds));
        defer system.close(fds[0]);
        try testing.expectEqual(@as(i32, 1), write(fds[1], "x"));
        try testing.expect(non_sockets.has(fds[1]));
        if (closes) _ = close(fds[1]) else system.close(fds[1]);
        try testing.expectEqual(!closes, non_sockets.has(fds[1]));
        const listener = listen("127.0.0.1", 0, .{}, 1);
        defer system.close(listener);
        try testing.expectEqual(fds[1], listener);
        try testing.expect(!non_sockets.has(listener));
    }
}

test "what is no socket and what is no address is refused" {
    var fds: [2]i32 = undefined;
    try testing.expectEqual(@as(i32, 0), system.pipe(&fds));
    defer for (fds) |fd| system.close(fd);
    try testing.expectEqual(outcome.failure(.NOTSOCK), socketError(fds[0]));
    try testing.expectEqual(outcome.failure(.INVAL), listen("nowhere", 1, .{}, 1));
}
