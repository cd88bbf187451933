//! The system calls behind "bun-ioloop/io". Every fd made here is non-blocking and close-on-exec.
//! Results are a count, an fd or 0, else -errno. EINTR goes back to TypeScript, where a thread that
//! is being terminated must arrive.

const std = @import("std");
const linux = std.os.linux;

const address_text = @import("address.zig");
const outcome = @import("outcome.zig");
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
        _ = linux.close(fd);
        return prepared;
    }
    return fd;
}

fn prepareListener(fd: i32, address: *const Address, options: Options, backlog: u32) i32 {
    if (!options.unix and !options.datagram) {
        // A restarted service must not wait for its old connections in TIME_WAIT.
        const reused = setOption(fd, linux.SOL.SOCKET, linux.SO.REUSEADDR, 1);
        if (reused < 0) return reused;
    }
    if (!options.unix and options.reuse_port) {
        const shared = setOption(fd, linux.SOL.SOCKET, linux.SO.REUSEPORT, 1);
        if (shared < 0) return shared;
    }
    const bound = outcome.of(linux.bind(fd, address.sockaddr(), address.length));
    if (bound < 0 or options.datagram) return bound;
    return outcome.of(linux.listen(fd, backlog));
}

/// Does not wait: the socket becomes writable when the connection stands or has failed.
pub fn connect(text: []const u8, port: u16, options: Options) i32 {
    const address = parse(text, port, options) orelse return outcome.failure(.INVAL);
    const fd = open(&address, options);
    if (fd < 0) return fd;

    const connected = outcome.of(linux.connect(fd, address.sockaddr(), address.length));
    switch (outcome.errno(connected)) {
        // EINTR: the kernel goes on connecting.
        .SUCCESS, .INPROGRESS, .INTR => return fd,
        // EAGAIN, for a Unix socket, is a full backlog: nothing goes on, and no readiness will
        // tell.
        else => {
            _ = linux.close(fd);
            return connected;
        },
    }
}

pub fn accept(fd: i32) i32 {
    while (true) {
        const accepted = outcome.of(linux.accept4(
            fd,
            null,
            null,
            linux.SOCK.NONBLOCK | linux.SOCK.CLOEXEC,
        ));
        switch (outcome.errno(accepted)) {
            // This peer has gone again; another may be waiting behind it.
            .CONNABORTED, .PROTO => continue,
            else => return accepted,
        }
    }
}

pub fn read(fd: i32, buffer: []u8) i32 {
    return outcome.of(linux.read(fd, buffer.ptr, buffer.len));
}

pub fn write(fd: i32, buffer: []const u8) i32 {
    const sent = send(fd, buffer);
    return switch (outcome.errno(sent)) {
        .NOTSOCK => writeWithoutSignal(fd, buffer),
        else => sent,
    };
}

/// A broken pipe raises SIGPIPE in the thread that writes. Held back and taken away here, it
/// reaches neither a listener nor the default action, which ends the process.
fn writeWithoutSignal(fd: i32, buffer: []const u8) i32 {
    var pipe_signal = linux.sigemptyset();
    linux.sigaddset(&pipe_signal, .PIPE);
    var before: linux.sigset_t = undefined;
    _ = linux.sigprocmask(linux.SIG.BLOCK, &pipe_signal, &before);
    defer _ = linux.sigprocmask(linux.SIG.SETMASK, &before, null);

    const written = outcome.of(linux.write(fd, buffer.ptr, buffer.len));
    if (outcome.errno(written) == .PIPE) {
        const at_once: linux.kernel_timespec = .{ .sec = 0, .nsec = 0 };
        _ = linux.syscall4(
            .rt_sigtimedwait,
            @intFromPtr(&pipe_signal),
            0,
            @intFromPtr(&at_once),
            linux.NSIG / 8,
        );
    }
    return written;
}

pub fn receive(fd: i32, buffer: []u8, from: *Text) i32 {
    var sender: Address = .{ .storage = undefined, .length = @sizeOf(linux.sockaddr.storage) };
    const received = outcome.of(linux.recvfrom(
        fd,
        buffer.ptr,
        buffer.len,
        0,
        @ptrCast(&sender.storage),
        &sender.length,
    ));
    if (received >= 0) address_text.format(&sender, from);
    return received;
}

pub fn send(fd: i32, buffer: []const u8) i32 {
    // MSG_NOSIGNAL keeps SIGPIPE away whatever the process did with its disposition.
    return outcome.of(linux.sendto(fd, buffer.ptr, buffer.len, linux.MSG.NOSIGNAL, null, 0));
}

pub fn sendTo(fd: i32, buffer: []const u8, text: []const u8, port: u16, options: Options) i32 {
    const address = parse(text, port, options) orelse return outcome.failure(.INVAL);
    return outcome.of(linux.sendto(
        fd,
        buffer.ptr,
        buffer.len,
        linux.MSG.NOSIGNAL,
        address.sockaddr(),
        address.length,
    ));
}

pub fn socketpair(options: Options, fds: *[2]i32) i32 {
    return outcome.of(linux.socketpair(linux.AF.UNIX, socketType(options), 0, fds));
}

pub fn pipe(fds: *[2]i32) i32 {
    return outcome.of(linux.pipe2(fds, .{ .CLOEXEC = true, .NONBLOCK = true }));
}

/// EINTR is success: Linux has freed the number, and a second close could hit another file.
pub fn close(fd: i32) i32 {
    const closed = outcome.of(linux.close(fd));
    return if (outcome.errno(closed) == .INTR) 0 else closed;
}

pub const Direction = enum(i32) { read = 0, write = 1, both = 2 };

pub fn shutdown(fd: i32, direction: Direction) i32 {
    const how: i32 = switch (direction) {
        .read => linux.SHUT.RD,
        .write => linux.SHUT.WR,
        .both => linux.SHUT.RDWR,
    };
    return outcome.of(linux.shutdown(fd, how));
}

pub fn setNonBlocking(fd: i32, on: bool) i32 {
    const current = outcome.of(linux.fcntl(fd, linux.F.GETFL, 0));
    if (current < 0) return current;
    var flags: linux.O = @bitCast(@as(u32, @bitCast(current)));
    if (flags.NONBLOCK == on) return 0;
    flags.NONBLOCK = on;
    return outcome.of(linux.fcntl(fd, linux.F.SETFL, @as(u32, @bitCast(flags))));
}

pub fn localPort(fd: i32) i32 {
    var address: Address = .{ .storage = undefined, .length = @sizeOf(linux.sockaddr.storage) };
    const asked = outcome.of(linux.getsockname(fd, @ptrCast(&address.storage), &address.length));
    if (asked < 0) return asked;
    var text: Text = undefined;
    address_text.format(&address, &text);
    return text.port;
}

/// The socket's pending error, which reading clears: 0 or an errno. -errno when the call failed.
pub fn socketError(fd: i32) i32 {
    var pending: i32 = 0;
    var length: linux.socklen_t = @sizeOf(i32);
    const asked = outcome.of(linux.getsockopt(
        fd,
        linux.SOL.SOCKET,
        linux.SO.ERROR,
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
    const fd = outcome.of(linux.socket(address.family(), socketType(options), 0));
    if (fd < 0 or options.unix or options.datagram) return fd;
    // Small messages go out at once. Accepted sockets inherit this from their listener.
    const undelayed = setOption(fd, linux.IPPROTO.TCP, linux.TCP.NODELAY, 1);
    if (undelayed < 0) {
        _ = linux.close(fd);
        return undelayed;
    }
    return fd;
}

fn socketType(options: Options) u32 {
    const kind: u32 = if (options.datagram) linux.SOCK.DGRAM else linux.SOCK.STREAM;
    return kind | linux.SOCK.NONBLOCK | linux.SOCK.CLOEXEC;
}

fn setOption(fd: i32, level: i32, option: u32, value: i32) i32 {
    return outcome.of(linux.setsockopt(fd, level, option, std.mem.asBytes(&value), @sizeOf(i32)));
}

const testing = std.testing;

test "a TCP connection carries bytes, and ends with 0" {
    const listener = listen("127.0.0.1", 0, .{}, 16);
    try testing.expect(listener >= 0);
    defer _ = close(listener);
    try testing.expectEqual(outcome.failure(.AGAIN), accept(listener));
    const port = localPort(listener);
    try testing.expect(port > 0);

    const client = connect("127.0.0.1", @intCast(port), .{});
    try testing.expect(client >= 0);
    const server = accept(listener);
    try testing.expect(server >= 0);
    defer _ = close(server);
    try testing.expectEqual(@as(i32, 0), socketError(client));

    var buffer: [16]u8 = undefined;
    try testing.expectEqual(outcome.failure(.AGAIN), read(server, &buffer));
    try testing.expectEqual(@as(i32, 5), write(client, "hello"));
    try testing.expectEqual(@as(i32, 5), read(server, &buffer));
    try testing.expectEqualStrings("hello", buffer[0..5]);
    try testing.expectEqual(@as(i32, 0), close(client));
    try testing.expectEqual(@as(i32, 0), read(server, &buffer));
}

test "a datagram tells its sender, over IPv4 and over a socketpair" {
    const here = listen("127.0.0.1", 0, .{ .datagram = true }, 0);
    try testing.expect(here >= 0);
    defer _ = close(here);
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
    defer for (pair) |fd| {
        _ = close(fd);
    };
    try testing.expectEqual(@as(i32, 1), send(pair[0], "x"));
    try testing.expectEqual(@as(i32, 1), receive(pair[1], &buffer, &from));
    try testing.expectEqual(Text.Family.none, from.family);
}

test "the blocking mode is changed only where it differs, and fds that are none are refused" {
    var fds: [2]i32 = undefined;
    try testing.expectEqual(@as(i32, 0), pipe(&fds));
    defer for (fds) |fd| {
        _ = close(fd);
    };
    for ([_]bool{ true, false, false, true }) |on| {
        try testing.expectEqual(@as(i32, 0), setNonBlocking(fds[0], on));
        const flags: linux.O = @bitCast(@as(u32, @truncate(linux.fcntl(fds[0], linux.F.GETFL, 0))));
        try testing.expectEqual(on, flags.NONBLOCK);
    }
    try testing.expectEqual(outcome.failure(.BADF), setNonBlocking(-1, true));
    try testing.expectEqual(outcome.failure(.NOTSOCK), socketError(fds[0]));
    try testing.expectEqual(outcome.failure(.INVAL), listen("nowhere", 1, .{}, 1));
}
