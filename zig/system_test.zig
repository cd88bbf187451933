//! Every fd is born non-blocking and close-on-exec, whichever way it came.

const std = @import("std");
const testing = std.testing;

const outcome = @import("outcome.zig");
const system = @import("system.zig");
const calls = system.calls;

fn expectBorn(fd: i32) !void {
    try testing.expect(fd >= 0);
    const status = outcome.of(calls.fcntl(fd, calls.F.GETFL, @as(usize, 0)));
    const flags: calls.O = @bitCast(@as(u32, @bitCast(status)));
    try testing.expect(flags.NONBLOCK);
    const descriptor = outcome.of(calls.fcntl(fd, calls.F.GETFD, @as(usize, 0)));
    try testing.expectEqual(@as(i32, calls.FD_CLOEXEC), descriptor & calls.FD_CLOEXEC);
}

test "sockets, pairs and pipes are born non-blocking and close-on-exec" {
    const socket = system.socket(calls.AF.INET, calls.SOCK.STREAM);
    defer system.close(socket);
    try expectBorn(socket);

    var fds: [2]i32 = undefined;
    try testing.expectEqual(@as(i32, 0), system.pipe(&fds));
    for (fds) |fd| {
        try expectBorn(fd);
        system.close(fd);
    }
    try testing.expectEqual(@as(i32, 0), system.socketpair(calls.SOCK.DGRAM, &fds));
    for (fds) |fd| {
        try expectBorn(fd);
        system.close(fd);
    }
}

test "the blocking mode is changed only where it differs, and an fd that is none is refused" {
    var fds: [2]i32 = undefined;
    try testing.expectEqual(@as(i32, 0), system.pipe(&fds));
    defer for (fds) |fd| system.close(fd);
    for ([_]bool{ true, false, false, true }) |on| {
        try testing.expectEqual(@as(i32, 0), system.setNonBlocking(fds[0], on));
        const status = outcome.of(calls.fcntl(fds[0], calls.F.GETFL, @as(usize, 0)));
        const flags: calls.O = @bitCast(@as(u32, @bitCast(status)));
        try testing.expectEqual(on, flags.NONBLOCK);
    }
    try testing.expectEqual(outcome.failure(.BADF), system.setNonBlocking(-1, true));
}

test "a broken pipe is EPIPE and no signal" {
    var fds: [2]i32 = undefined;
    try testing.expectEqual(@as(i32, 0), system.pipe(&fds));
    defer system.close(fds[1]);
    system.close(fds[0]);
    // The default action would end this process here.
    try testing.expectEqual(outcome.failure(.PIPE), system.writeWithoutSignal(fds[1], "x"));
}
