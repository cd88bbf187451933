//! How every call of this library answers: the value, or -errno, in one i32.

const std = @import("std");
const linux = std.os.linux;

/// A raw system call's answer.
pub fn of(returned: usize) i32 {
    return @bitCast(@as(u32, @truncate(returned)));
}

/// The errno in an outcome; SUCCESS for a value.
pub fn errno(outcome: i32) linux.E {
    return if (outcome < 0) @enumFromInt(-outcome) else .SUCCESS;
}

/// The outcome that says `code`.
pub fn failure(code: linux.E) i32 {
    return -@as(i32, @intFromEnum(code));
}

test "a value and an errno come back as they went in" {
    try std.testing.expectEqual(@as(i32, 7), of(7));
    try std.testing.expectEqual(linux.E.SUCCESS, errno(of(7)));
    const bad_fd: usize = @bitCast(-@as(isize, @intFromEnum(linux.E.BADF)));
    try std.testing.expectEqual(failure(.BADF), of(bad_fd));
    try std.testing.expectEqual(linux.E.BADF, errno(of(bad_fd)));
}
