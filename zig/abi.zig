//! The layout of what crosses the border to TypeScript. src/abi.ts holds the same numbers, and a
//! test compares the two.
//!
//! A ready record is 8 bytes:
//!
//!      0         4         5                        8
//!     +---------+---------+------------------------+
//!     | fd: i32 | bits: 8 | generation: 24         |
//!     +---------+---------+------------------------+
//!
//! The second half is one little-endian word, and the same word registers an fd: there its bits are
//! the interest mask and the modes.

const std = @import("std");
const builtin = @import("builtin");
const assert = std.debug.assert;

/// Raised whenever an exported symbol, a layout or a meaning changes.
pub const version: i32 = 6;

/// What a registration asks for, and what a record reports. The values are epoll's own, the same on
/// every platform.
pub const Bits = packed struct(u8) {
    read: bool = false,
    pri: bool = false,
    write: bool = false,
    err: bool = false,
    hang_up: bool = false,
    /// Modes: only in a registration, never in a record.
    edge: bool = false,
    one_shot: bool = false,
    _reserved: bool = false,

    pub fn none(bits: Bits) bool {
        return !(bits.read or bits.pri or bits.write or bits.err or bits.hang_up);
    }
};

/// Which registration of an fd is meant. TypeScript raises it at every add and never uses 0.
pub const Generation = u24;

/// The generation of the library's own fds.
pub const generation_own: Generation = 0;

pub const Word = packed struct(u32) {
    bits: Bits,
    generation: Generation,
};

pub const Record = extern struct {
    fd: i32,
    word: Word,
};

/// One poller's state, within its loop's page: loops share nothing of it.
pub const State = extern struct {
    /// The kernel's queue: epoll or kqueue.
    poller_fd: i32 = -1,
    wake_fd: i32 = -1,
    /// epoll's queue around the queue, for other loops to watch; -1 until somebody asks.
    outer_fd: i32 = -1,
    /// 1 when waits are counted in whole milliseconds, 0 for nanoseconds.
    timeout_ms_only: i32 = 0,
    /// 1 when the last wait used up a wake, which no record tells.
    woken: i32 = 0,
    /// How much later than asked the kernel may end a wait, in nanoseconds; 0 where nobody makes up
    /// for it, and negative where it is to be looked up before the next one.
    slack_ns: i32 = 0,
};

pub const Backend = enum(i32) { epoll = 0, kqueue = 1 };

/// Where a wait leaves its records, packed from the start. The kernel writes its own entries there
/// first, so each record has room for the largest of them and what merging needs beside it.
pub const Batch = [*]align(8) u8;
pub const batch_entry_bytes = 40;

/// The numbers that src/abi.ts must repeat, in the order that its test reads them.
pub const layout = [_]i32{
    version,
    @sizeOf(Record),
    @offsetOf(Record, "fd"),
    @offsetOf(Record, "word"),
    @bitOffsetOf(Word, "generation"),
    std.math.maxInt(Generation),
    batch_entry_bytes,
    @sizeOf(State),
    @offsetOf(State, "poller_fd"),
    @offsetOf(State, "wake_fd"),
    @offsetOf(State, "timeout_ms_only"),
    @offsetOf(State, "woken"),
    @offsetOf(State, "slack_ns"),
    @as(u8, @bitCast(Bits{ .read = true })),
    @as(u8, @bitCast(Bits{ .pri = true })),
    @as(u8, @bitCast(Bits{ .write = true })),
    @as(u8, @bitCast(Bits{ .err = true, .hang_up = true })),
    @as(u8, @bitCast(Bits{ .edge = true })),
    @as(u8, @bitCast(Bits{ .one_shot = true })),
    @intFromEnum(Backend.epoll),
    @intFromEnum(Backend.kqueue),
};

comptime {
    assert(builtin.cpu.arch.endian() == .little);
    assert(@sizeOf(Record) == 8);
    assert(@alignOf(Record) == 4);
    assert(@offsetOf(Record, "fd") == 0);
    assert(@offsetOf(Record, "word") == 4);
    assert(@bitOffsetOf(Word, "generation") == 8);
    assert(@sizeOf(State) == 24);
    assert(batch_entry_bytes >= @sizeOf(Record));
    assert(batch_entry_bytes % 8 == 0);
}

test "a record is an fd and a word, with the generation above the event bits" {
    const record: Record = .{
        .fd = 0x01020304,
        .word = .{ .bits = .{ .read = true, .hang_up = true }, .generation = 0xabcdef },
    };
    const words: [2]u32 = @bitCast(record);
    try std.testing.expectEqual(@as(u32, 0x01020304), words[0]);
    try std.testing.expectEqual(@as(u32, 0xabcdef11), words[1]);
}

test "every generation and every bit pattern survive the word" {
    for ([_]Generation{ 0, 1, 0x7fffff, 0x800000, 0xffffff }) |generation| {
        for (0..256) |pattern| {
            const bits: Bits = @bitCast(@as(u8, @intCast(pattern)));
            const word: Word = .{ .bits = bits, .generation = generation };
            const raw: u32 = @bitCast(word);
            try std.testing.expectEqual(pattern, raw & 0xff);
            try std.testing.expectEqual(generation, raw >> 8);
        }
    }
}

test "only readiness bits are an interest; modes alone are none" {
    for (0..256) |pattern| {
        const bits: Bits = @bitCast(@as(u8, @intCast(pattern)));
        try std.testing.expectEqual(pattern & 0x1f == 0, bits.none());
    }
}
