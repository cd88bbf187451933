//! What kind of file an fd is, as far as kqueue treats kinds differently from epoll.

const std = @import("std");
const linux = std.os.linux;

const outcome = @import("outcome.zig");
const system = @import("system.zig");
const calls = system.calls;

pub const FileKind = enum {
    socket,
    /// A pipe, a terminal, another queue: what is neither a socket nor refused below.
    stream,
    /// A regular file, a directory or a disk.
    stored,
    /// A FIFO with a name. macOS tells no reader of it that the last writer has gone.
    named_fifo,
};

/// Looks up what `fd` is; -errno when it is nothing, EBADF above all.
pub fn of(fd: i32, kind: *FileKind) i32 {
    if (system.on_macos) {
        var stat: std.c.Stat = undefined;
        const looked = outcome.of(std.c.fstat(fd, &stat));
        // Pipes and queues look like FIFOs too, but lie on no device.
        if (looked == 0) kind.* = kindOf(stat.mode, stat.dev != 0);
        return looked;
    }
    var stat: linux.Statx = undefined;
    const looked = outcome.of(linux.statx(fd, "", linux.AT.EMPTY_PATH, .{ .TYPE = true }, &stat));
    if (looked == 0) kind.* = kindOf(stat.mode, false);
    return looked;
}

/// Which way data goes through an fd that is no socket, by the mode it was opened with.
pub const Directions = struct {
    read: bool = true,
    write: bool = true,

    pub fn of(fd: i32) Directions {
        const status = outcome.of(calls.fcntl(fd, calls.F.GETFL, @as(usize, 0)));
        if (status < 0) return .{};
        const flags: calls.O = @bitCast(@as(u32, @bitCast(status)));
        return .{ .read = flags.ACCMODE != .WRONLY, .write = flags.ACCMODE != .RDONLY };
    }
};

fn kindOf(mode: u32, named: bool) FileKind {
    return switch (mode & linux.S.IFMT) {
        linux.S.IFSOCK => .socket,
        linux.S.IFREG, linux.S.IFDIR, linux.S.IFBLK => .stored,
        linux.S.IFIFO => if (named) .named_fifo else .stream,
        else => .stream,
    };
}

const testing = std.testing;

test "the kind of a file comes from its mode, the same on every system" {
    if (system.on_macos) try testing.expectEqual(std.c.S.IFMT, linux.S.IFMT);
    try testing.expectEqual(FileKind.socket, kindOf(linux.S.IFSOCK | 0o777, true));
    try testing.expectEqual(FileKind.stored, kindOf(linux.S.IFREG | 0o644, true));
    try testing.expectEqual(FileKind.stored, kindOf(linux.S.IFDIR | 0o755, true));
    try testing.expectEqual(FileKind.stored, kindOf(linux.S.IFBLK | 0o600, true));
    try testing.expectEqual(FileKind.named_fifo, kindOf(linux.S.IFIFO | 0o600, true));
    try testing.expectEqual(FileKind.stream, kindOf(linux.S.IFIFO | 0o600, false));
    try testing.expectEqual(FileKind.stream, kindOf(linux.S.IFCHR | 0o600, true));
}

test "the kind of an fd is looked up, and an fd that is none is EBADF" {
    var fds: [2]i32 = undefined;
    var kind: FileKind = undefined;
    try testing.expectEqual(@as(i32, 0), system.pipe(&fds));
    try testing.expectEqual(@as(i32, 0), of(fds[0], &kind));
    try testing.expectEqual(FileKind.stream, kind);
    try testing.expectEqual(Directions{ .write = false }, Directions.of(fds[0]));
    try testing.expectEqual(Directions{ .read = false }, Directions.of(fds[1]));
    for (fds) |fd| system.close(fd);

    try testing.expectEqual(@as(i32, 0), system.socketpair(calls.SOCK.STREAM, &fds));
    try testing.expectEqual(@as(i32, 0), of(fds[0], &kind));
    try testing.expectEqual(FileKind.socket, kind);
    for (fds) |fd| system.close(fd);
    try testing.expectEqual(outcome.failure(.BADF), of(fds[0], &kind));
}
