//! Where Linux and macOS part: everything else here is written once over `calls`, raw system calls
//! on Linux and libSystem on macOS. What differs is how an fd is born non-blocking and
//! close-on-exec, and how a broken pipe is kept from raising SIGPIPE.

const std = @import("std");
const builtin = @import("builtin");
const linux = std.os.linux;

const outcome = @import("outcome.zig");

pub const calls = switch (builtin.os.tag) {
    .linux => linux,
    .macos => std.c,
    else => @compileError("no system calls for " ++ @tagName(builtin.os.tag)),
};

pub const on_macos = builtin.os.tag == .macos;

/// Keeps SIGPIPE away from a send, whatever the process did with its disposition. macOS knows the
/// flag since version 11.
pub const msg_no_signal: u32 = if (on_macos) 0x80000 else linux.MSG.NOSIGNAL;

/// What the Linux calls take as flags. macOS needs two more calls, between which a fork on another
/// thread inherits the fd.
const born_flags: u32 = if (on_macos) 0 else linux.SOCK.NONBLOCK | linux.SOCK.CLOEXEC;

pub fn socket(family: u32, kind: u32) i32 {
    return settle(outcome.of(calls.socket(family, kind | born_flags, 0)));
}

pub fn socketpair(kind: u32, fds: *[2]i32) i32 {
    return settleBoth(outcome.of(calls.socketpair(calls.AF.UNIX, kind | born_flags, 0, fds)), fds);
}

pub fn pipe(fds: *[2]i32) i32 {
    if (!on_macos) return outcome.of(linux.pipe2(fds, .{ .CLOEXEC = true, .NONBLOCK = true }));
    return settleBoth(outcome.of(std.c.pipe(fds)), fds);
}

pub fn accept(listener: i32) i32 {
    if (!on_macos) return outcome.of(linux.accept4(listener, null, null, born_flags));
    return settle(outcome.of(std.c.accept(listener, null, null)));
}

pub fn close(fd: i32) void {
    _ = calls.close(fd);
}

/// EINTR is success: the number is free already, and a second close could hit another file.
pub fn closeChecked(fd: i32) i32 {
    const closed = outcome.of(calls.close(fd));
    return if (outcome.errno(closed) == .INTR) 0 else closed;
}

pub fn setNonBlocking(fd: i32, on: bool) i32 {
    const current = outcome.of(calls.fcntl(fd, calls.F.GETFL, @as(usize, 0)));
    if (current < 0) return current;
    var flags: calls.O = @bitCast(@as(u32, @bitCast(current)));
    if (flags.NONBLOCK == on) return 0;
    flags.NONBLOCK = on;
    const word: u32 = @bitCast(flags);
    return outcome.of(calls.fcntl(fd, calls.F.SETFL, @as(usize, word)));
}

pub fn setCloseOnExec(fd: i32) i32 {
    return outcome.of(calls.fcntl(fd, calls.F.SETFD, @as(usize, calls.FD_CLOEXEC)));
}

/// Makes an fd of macOS's what it is born as on Linux, or closes it and says why not.
fn settle(fd: i32) i32 {
    if (!on_macos or fd < 0) return fd;
    const exec = setCloseOnExec(fd);
    const mode = if (exec < 0) exec else setNonBlocking(fd, true);
    if (mode >= 0) return fd;
    close(fd);
    return mode;
}

fn settleBoth(made: i32, fds: *[2]i32) i32 {
    if (!on_macos or made < 0) return made;
    for (fds, [2]i32{ fds[1], fds[0] }) |fd, other| {
        const settled = settle(fd);
        if (settled >= 0) continue;
        close(other);
        return settled;
    }
    return 0;
}

/// The least that the kernel maps, or less.
pub const page_bytes = 4096;

/// Memory of zeros that belongs to no allocator and to no thread; null without memory.
pub fn mapPage() ?*align(page_bytes) anyopaque {
    const flags: calls.MAP = .{ .TYPE = .PRIVATE, .ANONYMOUS = true };
    const mapped = calls.mmap(null, page_bytes, .{ .READ = true, .WRITE = true }, flags, -1, 0);
    if (on_macos) return if (mapped == std.c.MAP_FAILED) null else @alignCast(mapped);
    if (linux.errno(mapped) != .SUCCESS) return null;
    return @ptrFromInt(mapped);
}

pub fn unmapPage(page: *anyopaque) void {
    _ = calls.munmap(@ptrCast(@alignCast(page)), page_bytes);
}

/// Writes where no flag holds SIGPIPE back: a broken pipe answers EPIPE and raises nothing.
pub fn writeWithoutSignal(fd: i32, buffer: []const u8) i32 {
    if (on_macos) {
        // The signal goes to the whole process there, so no thread can hold it back; the file can.
        // A file that does not know the flag raises no SIGPIPE either.
        _ = std.c.fcntl(fd, std.c.F.SETNOSIGPIPE, @as(c_int, 1));
        return outcome.of(std.c.write(fd, buffer.ptr, buffer.len));
    }
    // Linux raises it in the thread that writes. Held back and taken away here, it reaches neither
    // a listener nor the default action, which ends the process.
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

/// Holds back every signal from this thread, but for those that the C library sends to its own
/// threads; returns the mask to bring back.
pub fn blockSignals() calls.sigset_t {
    var before: calls.sigset_t = undefined;
    if (on_macos) {
        var all = std.posix.sigfillset();
        _ = std.c.pthread_sigmask(std.c.SIG.BLOCK, &all, &before);
    } else {
        var all = linux.sigfillset();
        for (first_internal_signal..first_user_signal) |number| {
            linux.sigdelset(&all, @enumFromInt(number));
        }
        _ = linux.sigprocmask(linux.SIG.BLOCK, &all, &before);
    }
    return before;
}

/// glibc and musl keep these for cancelling threads and for setuid in all of them.
const first_internal_signal = 32;
const first_user_signal = 35;

pub fn restoreSignals(before: *const calls.sigset_t) void {
    if (on_macos) {
        var ignored: calls.sigset_t = undefined;
        _ = std.c.pthread_sigmask(std.c.SIG.SETMASK, before, &ignored);
    } else {
        _ = linux.sigprocmask(linux.SIG.SETMASK, before, null);
    }
}

/// Reads and sets what a signal does. EINVAL: it cannot be chosen.
pub fn signalAction(
    number: u32,
    action: ?*const calls.Sigaction,
    before: ?*calls.Sigaction,
) i32 {
    const signal: calls.SIG = @enumFromInt(number);
    if (signal == .KILL or signal == .STOP) return outcome.failure(.INVAL);
    return outcome.of(calls.sigaction(signal, action, before));
}

/// Raw system calls leave errno alone; libSystem's do not.
pub fn saveErrno() i32 {
    return if (on_macos) std.c._errno().* else 0;
}

pub fn restoreErrno(saved: i32) void {
    if (on_macos) std.c._errno().* = saved;
}
