//! Which fd numbers were no sockets when they were last read or written. What works on sockets alone
//! is cheaper on them, and a system call in vain on everything else: this remembers for whom. It is a
//! guess, for numbers change hands behind its back, and may cost a little, never a result.

const std = @import("std");

/// Numbers from here on are not remembered.
const numbers_max = 4096;
const word_bits = 64;

/// Of the process, as the numbers are.
var words: [numbers_max / word_bits]std.atomic.Value(u64) = @splat(.init(0));

pub fn has(fd: i32) bool {
    const place = Place.of(fd) orelse return false;
    return place.isSet();
}

pub fn add(fd: i32) void {
    const place = Place.of(fd) orelse return;
    _ = place.word.fetchOr(place.bit, .monotonic);
}

/// The number is free, or a socket's.
pub fn remove(fd: i32) void {
    const place = Place.of(fd) orelse return;
    if (place.isSet()) _ = place.word.fetchAnd(~place.bit, .monotonic);
}

const Place = struct {
    word: *std.atomic.Value(u64),
    bit: u64,

    fn of(fd: i32) ?Place {
        if (fd < 0 or fd >= numbers_max) return null;
        const number: u32 = @intCast(fd);
        return .{
            .word = &words[number / word_bits],
            .bit = @as(u64, 1) << @intCast(number % word_bits),
        };
    }

    fn isSet(place: Place) bool {
        return place.word.load(.monotonic) & place.bit != 0;
    }
};

test "each number is remembered by itself, and what is no number or a high one is not" {
    const numbers = [_]i32{ 3000, 3001, 3063, 3064, numbers_max - 1 };
    for (numbers) |fd| try std.testing.expect(!has(fd));
    for (numbers) |fd| {
        add(fd);
        for (numbers) |other| try std.testing.expectEqual(other == fd, has(other));
        remove(fd);
        try std.testing.expect(!has(fd));
    }
    for ([_]i32{ -1, numbers_max, std.math.maxInt(i32), std.math.minInt(i32) }) |fd| {
        add(fd);
        try std.testing.expect(!has(fd));
        remove(fd);
    }
}
