//! How every call of this library answers: the value, or -errno, in one i32. Errnos are the running
//! system's own numbers.

const std = @import("std");

pub const Errno = std.posix.E;

/// A system call's answer: a raw one, which holds its -errno, or libc's, which leaves it aside.
pub fn of(returned: anytype) i32 {
    if (@TypeOf(returned) == usize) {
        return @bitCast(@as(u32, @truncate(returned)));
    } else if (returned == -1) {
        return -std.c._errno().*;
    } else {
        return @intCast(returned);
    }
}

/// The errno in an outcome; SUCCESS for a value.
pub fn errno(outcome: i32) Errno {
    return if (outcome < 0) @enumFromInt(-outcome) else .SUCCESS;
}

/// The outcome that says `code`.
pub fn failure(code: Errno) i32 {
    return -@as(i32, @intFromEnum(code));
}

test "a value and an errno come back as they went in" {
    try std.testing.expectEqual(@as(i32, 7), of(@as(usize, 7)));
    try std.testing.expectEqual(Errno.SUCCESS, errno(of(@as(usize, 7))));
    const bad_fd: usize = @bitCast(-@as(isize, @intFromEnum(Errno.BADF)));
    try std.testing.expectEqual(failure(.BADF), of(bad_fd));
    try std.testing.expectEqual(Errno.BADF, errno(of(bad_fd)));
}
