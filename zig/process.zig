//! The end of a process as an fd that becomes readable, and how it ended. Nothing is reaped: that is
//! for the parent, which may be Bun.

const std = @import("std");
const linux = std.os.linux;

const kqueue_calls = @import("kqueue_calls.zig");
const kqueue_records = @import("kqueue_records.zig");
const outcome = @import("outcome.zig");
const system = @import("system.zig");

/// An fd that is readable once process `pid` has ended, or -errno: ESRCH when there is none.
/// Linux: a pidfd, since 5.3. macOS: a queue that watches the process.
pub fn open(pid: i32) i32 {
    if (!system.on_macos) return outcome.of(linux.pidfd_open(pid, 0));
    const queue = kqueue_calls.create();
    if (queue < 0) return queue;
    const Note = kqueue_records.Note;
    const with_status = watchProcess(queue, pid, Note.exit | Note.exit_status);
    // Only the parent may have the status.
    const watched = switch (outcome.errno(with_status)) {
        .ACCES => watchProcess(queue, pid, Note.exit),
        else => with_status,
    };
    if (watched >= 0) return queue;
    system.close(queue);
    return watched;
}

fn watchProcess(queue: i32, pid: i32, notes: u32) i32 {
    return kqueue_calls.submit(queue, &[_]kqueue_records.Event{.{
        .ident = @intCast(pid),
        .filter = kqueue_records.Filter.process,
        .flags = kqueue_records.Flag.add | kqueue_records.Flag.receipt,
        .fflags = notes,
    }});
}

/// How the process behind an fd of `open` ended, as wait(2) encodes it, or -errno: ECHILD when it
/// is, or was, nobody's child here.
pub fn status(fd: i32) i32 {
    if (system.on_macos) return statusOfQueue(fd);
    var info = std.mem.zeroes(linux.siginfo_t);
    const how = linux.W.EXITED | linux.W.NOHANG | linux.W.NOWAIT;
    const waited = outcome.of(linux.waitid(.PIDFD, fd, &info, how, null));
    if (waited < 0) return statusOfReaped(fd);
    const common = info.fields.common;
    if (common.first.piduid.pid == 0) return outcome.failure(.AGAIN);
    const child_status = common.second.sigchld.status;
    const exited = info.code == @intFromEnum(linux.CLD.EXITED);
    return if (exited) (child_status & 0xff) << 8 else child_status & 0x7f;
}

/// Linux 6.15 keeps the status in the pidfd when the process has been reaped.
fn statusOfReaped(fd: i32) i32 {
    const Info = extern struct {
        asked: u64,
        cgroup: u64 = 0,
        ids: [11]u32 = @splat(0),
        exit_code: i32 = 0,
    };
    comptime std.debug.assert(@sizeOf(Info) == 64);
    const asked_exit = 1 << 3;
    const get_info = linux.IOCTL.IOWR(0xff, 11, Info);
    var info: Info = .{ .asked = asked_exit };
    const read = outcome.of(linux.ioctl(fd, get_info, @intFromPtr(&info)));
    const told = read >= 0 and info.asked & asked_exit != 0;
    return if (told) info.exit_code & 0xffff else outcome.failure(.CHILD);
}

fn statusOfQueue(fd: i32) i32 {
    var event: [1]kqueue_records.Event = undefined;
    const count = kqueue_calls.wait(fd, &event, 0);
    if (count < 0) return count;
    const told = count == 1 and event[0].fflags & kqueue_records.Note.exit_status != 0;
    return if (told) @intCast(event[0].data) else outcome.failure(.CHILD);
}

test "a process that nobody has is ESRCH, and one that lives has no status yet" {
    try std.testing.expectEqual(outcome.failure(.SRCH), open(std.math.maxInt(i32)));
    const own = open(if (system.on_macos) std.c.getpid() else linux.getpid());
    try std.testing.expect(own >= 0);
    defer system.close(own);
    try std.testing.expect(status(own) < 0);
}
