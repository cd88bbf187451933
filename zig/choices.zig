//! Where a test takes its choices from: a seeded generator in every run, the fuzzer with
//! `zig build test --fuzz`.

const std = @import("std");
const builtin = @import("builtin");
const testing = std.testing;

const Choices = @This();

source: union(enum) { random: std.Random, smith: *testing.Smith },

// The fuzzer tells places by their return addresses: inline, each choice has its own.

pub inline fn lessThan(choices: Choices, comptime T: type, limit: T) T {
    return choices.between(T, 0, limit - 1);
}

pub inline fn between(choices: Choices, comptime T: type, least: T, most: T) T {
    return switch (choices.source) {
        .random => |random| random.intRangeAtMost(T, least, most),
        .smith => |smith| smith.valueRangeAtMost(T, least, most),
    };
}

pub inline fn int(choices: Choices, comptime T: type) T {
    return choices.between(T, std.math.minInt(T), std.math.maxInt(T));
}

pub inline fn boolean(choices: Choices) bool {
    return choices.lessThan(u8, 2) == 1;
}

pub inline fn of(choices: Choices, comptime T: type, list: []const T) T {
    return list[choices.lessThan(u16, @intCast(list.len))];
}

/// Whether another of `most` steps follows.
pub inline fn more(choices: Choices, most: u16) bool {
    return switch (choices.source) {
        .random => |random| random.uintLessThan(u16, most) > 0,
        .smith => |smith| !smith.eosWeightedSimple(most, 1),
    };
}

/// An emulated processor takes ten times as long.
pub const patience = if (builtin.cpu.arch == .x86_64) 10 else 1;

/// Makes `check` as often, for each of `patience`, with other choices; or has the fuzzer do it.
pub fn repeat(comptime check: fn (Choices) anyerror!void, times: u32) !void {
    if (!builtin.fuzz) {
        var prng: std.Random.DefaultPrng = .init(testing.random_seed);
        const random = prng.random();
        for (0..times * patience) |time| {
            errdefer std.debug.print("--seed 0x{x}, time {d}\n", .{ testing.random_seed, time });
            try check(.{ .source = .{ .random = random } });
        }
    }
    try testing.fuzz({}, struct {
        fn checkOne(_: void, smith: *testing.Smith) !void {
            try check(.{ .source = .{ .smith = smith } });
        }
    }.checkOne, .{});
}
