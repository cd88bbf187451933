//! How long a wait may last. TypeScript hands over nanoseconds as f64, the only number that crosses
//! the border at no cost; the kernel wants integers that do not overflow and never round down, for
//! a wait that ends early makes a timer early or the loop spin.

const std = @import("std");
const assert = std.debug.assert;

const ns_per_ms: u64 = std.time.ns_per_ms;

/// Waits are cut here, far below what overflows in the kernel; whoever wants to wait longer waits on.
pub const timeout_ns_max: u64 = std.time.ns_per_day;

/// Whole nanoseconds, rounded up, 0 for what is past or not a number; null for infinity.
pub fn clamp(timeout_ns: f64) ?u64 {
    if (!(timeout_ns > 0)) return 0;
    if (std.math.isPositiveInf(timeout_ns)) return null;
    if (timeout_ns >= timeout_ns_max) return timeout_ns_max;
    const whole_ns: u64 = @intFromFloat(@ceil(timeout_ns));
    assert(whole_ns > 0);
    assert(whole_ns <= timeout_ns_max);
    return whole_ns;
}

/// Whole milliseconds, rounded up.
pub fn toMilliseconds(timeout_ns: u64) i32 {
    assert(timeout_ns <= timeout_ns_max);
    const timeout_ms = std.math.divCeil(u64, timeout_ns, ns_per_ms) catch unreachable;
    assert(timeout_ms * ns_per_ms >= timeout_ns);
    return @intCast(timeout_ms);
}

test "a timeout is never shortened" {
    try std.testing.expectEqual(@as(?u64, 1), clamp(0.25));
    try std.testing.expectEqual(@as(?u64, 1), clamp(1));
    try std.testing.expectEqual(@as(?u64, 2), clamp(1.000001));
    try std.testing.expectEqual(@as(?u64, 100_000), clamp(100_000));
    try std.testing.expectEqual(@as(i32, 0), toMilliseconds(0));
    try std.testing.expectEqual(@as(i32, 1), toMilliseconds(1));
    try std.testing.expectEqual(@as(i32, 1), toMilliseconds(ns_per_ms));
    try std.testing.expectEqual(@as(i32, 2), toMilliseconds(ns_per_ms + 1));
}

test "what is past, negative or not a number does not wait" {
    for ([_]f64{ 0, -0.0, -1, -std.math.inf(f64), std.math.nan(f64) }) |timeout_ns| {
        try std.testing.expectEqual(@as(?u64, 0), clamp(timeout_ns));
    }
}

test "a huge timeout is a day, and an infinite one is none" {
    for ([_]f64{ 1e15, 1e18, 1e300 }) |timeout_ns| {
        try std.testing.expectEqual(@as(?u64, timeout_ns_max), clamp(timeout_ns));
    }
    try std.testing.expectEqual(@as(?u64, null), clamp(std.math.inf(f64)));
    try std.testing.expectEqual(@as(i32, 24 * 60 * 60 * 1000), toMilliseconds(timeout_ns_max));
}

test "rounding to milliseconds loses nothing and adds less than one" {
    var random = std.Random.DefaultPrng.init(std.testing.random_seed);
    for (0..10_000) |_| {
        const timeout_ns = random.random().uintAtMost(u64, timeout_ns_max);
        const rounded_ns = @as(u64, @intCast(toMilliseconds(timeout_ns))) * ns_per_ms;
        try std.testing.expect(rounded_ns >= timeout_ns);
        try std.testing.expect(rounded_ns - timeout_ns < ns_per_ms);
    }
}
