//! Timeouts against their definition, in numbers that have no limits of their own.

const std = @import("std");
const testing = std.testing;

const Choices = @import("choices.zig");
const timeout = @import("timeout.zig");

fn check(choices: Choices) !void {
    // Any double; or one of the usual size.
    const bits = choices.int(u64);
    const asked: f64 = switch (choices.lessThan(u8, 3)) {
        0 => @bitCast(bits),
        1 => @as(f64, @floatFromInt(bits >> 8)) / 256.0,
        else => @floatFromInt(bits >> 16),
    };
    errdefer std.debug.print("{d} ({x})\n", .{ asked, @as(u64, @bitCast(asked)) });
    const clamped = timeout.clamp(asked) orelse
        return testing.expectEqual(std.math.inf(f64), asked);
    const exact: f128 = if (asked > 0) asked else 0;
    const most: f128 = timeout.timeout_ns_max;
    try testing.expectEqual(@min(@ceil(exact), most), @as(f128, @floatFromInt(clamped)));

    const milliseconds: u64 = @intCast(timeout.toMilliseconds(clamped));
    try testing.expect(milliseconds * std.time.ns_per_ms >= clamped);
    try testing.expect(milliseconds * std.time.ns_per_ms < clamped + std.time.ns_per_ms);
}

test "a timeout is what was asked for, rounded up, and a day at most" {
    try Choices.repeat(check, 2000);
}
