//! How much longer than asked Linux lets a thread sleep, so that one interrupt serves many timers:
//! its timer slack (PR_SET_TIMERSLACK, 50 us by default), or a thousandth of the wait and at most
//! 100 ms, where that is more (`select_estimate_accuracy` in fs/select.c).
//!
//! The kernel's alarm rings at the end of that time, so a wait that is asked to end sooner by as
//! much ends when it should. An interrupt that comes shortly before ends it early, which is the
//! caller's to see. A wait no longer than the slack, which the caller would rather sleep than poll
//! for, is asked for whole.

const std = @import("std");
const linux = std.os.linux;
const assert = std.debug.assert;

const timeout = @import("timeout.zig");

const share = 1000;
const share_max_ns = 100 * std.time.ns_per_ms;

/// Who has asked for more slack than the default wants fewer interrupts, not a caller that polls
/// for what an early end leaves of a wait.
const slack_max_ns = 50 * std.time.ns_per_us;

/// The slack of the calling thread, as far as it is made up for; 0 where the system does not tell.
pub fn ofThread() i32 {
    const told = linux.prctl(@intFromEnum(linux.PR.GET_TIMERSLACK), 0, 0, 0, 0);
    if (linux.errno(told) != .SUCCESS) return 0;
    return @intCast(@min(told, slack_max_ns));
}

/// What is to be asked of the kernel for a wait of `timeout_ns`.
pub fn sooner(timeout_ns: u64, slack_ns: i32) u64 {
    assert(timeout_ns <= timeout.timeout_ns_max);
    assert(slack_ns >= 0 and slack_ns <= slack_max_ns);
    if (timeout_ns <= slack_ns) return timeout_ns;
    return timeout_ns - @max(@as(u64, @intCast(slack_ns)), @min(timeout_ns / share, share_max_ns));
}

test "a wait longer than the slack is asked to end sooner by that, or a thousandth, or 100 ms" {
    const default_ns = 50_000;
    for ([_][2]u64{
        .{ 200_000, 150_000 },
        .{ 50_001, 1 },
        .{ 50_000, 50_000 },
        .{ 1, 1 },
        .{ 10 * std.time.ns_per_s, 9_990_000_000 },
        .{ 1000 * std.time.ns_per_s, 999_900_000_000 },
    }) |pair| {
        try std.testing.expectEqual(pair[1], sooner(pair[0], default_ns));
    }
    try std.testing.expectEqual(@as(u64, 200_000 - 200), sooner(200_000, 0));
}

test "the slack is the thread's own of now, and never more than the default" {
    if (@import("builtin").os.tag != .linux) return error.SkipZigTest;
    const told = linux.prctl(@intFromEnum(linux.PR.GET_TIMERSLACK), 0, 0, 0, 0);
    try std.testing.expectEqual(linux.E.SUCCESS, linux.errno(told));
    defer set(told);
    for ([_][2]u64{ .{ 1, 1 }, .{ 20_000, 20_000 }, .{ 5_000_000, slack_max_ns } }) |pair| {
        set(pair[0]);
        try std.testing.expectEqual(@as(i32, @intCast(pair[1])), ofThread());
    }
}

fn set(slack_ns: usize) void {
    const outcome = linux.prctl(@intFromEnum(linux.PR.SET_TIMERSLACK), slack_ns, 0, 0, 0);
    assert(linux.errno(outcome) == .SUCCESS);
}
