//! Pure conversions between epoll's masks and events and our bits and records.

const std = @import("std");
const linux = std.os.linux;
const assert = std.debug.assert;

const abi = @import("abi.zig");
const Bits = abi.Bits;
const Record = abi.Record;

pub const Event = linux.epoll_event;

comptime {
    assert(@sizeOf(Event) <= abi.batch_entry_bytes);
    // Packing in place writes record N before event N + 1 is read.
    assert(@sizeOf(Record) <= @sizeOf(Event));
    assert(@alignOf(Record) <= @alignOf(Event));
}

/// What the kernel keeps for us beside a registration, and hands back with each event.
pub const Registration = packed struct(u64) {
    fd: i32,
    generation: abi.Generation,
    _unused: u8 = 0,
};

/// Packs the kernel's events into records, in place, leaving out our own wake.
pub fn pack(events: [*]Event, count: u32) i32 {
    const packed_records: [*]Record = @ptrCast(events);
    var packed_count: u32 = 0;
    for (0..count) |index| {
        const event = events[index];
        const registration: Registration = @bitCast(event.data.u64);
        if (registration.generation == abi.generation_own) continue;
        assert(packed_count <= index);
        packed_records[packed_count] = .{
            .fd = registration.fd,
            .word = .{ .bits = fromKernel(event.events), .generation = registration.generation },
        };
        packed_count += 1;
    }
    return @intCast(packed_count);
}

/// The kernel's mask for a registration.
pub fn toKernel(bits: Bits) u32 {
    var mask: u32 = 0;
    if (bits.read) mask |= linux.EPOLL.IN;
    if (bits.pri) mask |= linux.EPOLL.PRI;
    if (bits.write) mask |= linux.EPOLL.OUT;
    // ERR and HUP are always reported. Alone, and level-triggered, they would be for ever.
    if (bits.edge or mask == 0) mask |= linux.EPOLL.ET;
    if (bits.one_shot) mask |= linux.EPOLL.ONESHOT;
    return mask;
}

/// The bits of a record for what the kernel reported.
fn fromKernel(mask: u32) Bits {
    return .{
        .read = mask & linux.EPOLL.IN != 0,
        .pri = mask & linux.EPOLL.PRI != 0,
        .write = mask & linux.EPOLL.OUT != 0,
        .err = mask & linux.EPOLL.ERR != 0,
        .hang_up = mask & linux.EPOLL.HUP != 0,
    };
}

const testing = std.testing;

test "every interest mask maps to the kernel's and keeps its modes" {
    for (0..128) |pattern| {
        const bits: Bits = @bitCast(@as(u8, @intCast(pattern)));
        const mask = toKernel(bits);
        try testing.expectEqual(bits.read, mask & linux.EPOLL.IN != 0);
        try testing.expectEqual(bits.pri, mask & linux.EPOLL.PRI != 0);
        try testing.expectEqual(bits.write, mask & linux.EPOLL.OUT != 0);
        try testing.expectEqual(bits.one_shot, mask & linux.EPOLL.ONESHOT != 0);
        const readiness = bits.read or bits.pri or bits.write;
        try testing.expectEqual(bits.edge or !readiness, mask & linux.EPOLL.ET != 0);
        // Half close is found by reading, and the kernel is never asked for it.
        try testing.expectEqual(@as(u32, 0), mask & linux.EPOLL.RDHUP);
    }
}

test "every mask of the kernel maps to a record's bits, and modes never show" {
    const low: u32 = 1 << 14;
    for ([_]u32{ 0, linux.EPOLL.ET, linux.EPOLL.ONESHOT, linux.EPOLL.RDHUP }) |high| {
        for (0..low) |pattern| {
            const mask = @as(u32, @intCast(pattern)) | high;
            const raw: u8 = @bitCast(fromKernel(mask));
            // READ, PRI, WRITE, error and hang-up are epoll's own five values.
            try testing.expectEqual(mask & 0x1f, raw);
        }
    }
}

test "packing in place keeps order, fd and generation and drops the wake" {
    var events: [64]Event = undefined;
    for (&events, 0..) |*event, index| {
        const own = index % 5 == 0;
        event.* = .{
            .events = linux.EPOLL.IN | linux.EPOLL.HUP,
            .data = .{ .u64 = @bitCast(Registration{
                .fd = @intCast(index),
                .generation = if (own) abi.generation_own else @intCast(0xffffff - index),
            }) },
        };
    }
    const count = pack(&events, events.len);
    try testing.expectEqual(@as(i32, 51), count);
    const records: [*]Record = @ptrCast(&events);
    var expected: i32 = 0;
    for (0..@intCast(count)) |index| {
        if (@rem(expected, 5) == 0) expected += 1;
        try testing.expectEqual(expected, records[index].fd);
        const generation = records[index].word.generation;
        try testing.expectEqual(0xffffff - @as(u24, @intCast(expected)), generation);
        try testing.expectEqual(Bits{ .read = true, .hang_up = true }, records[index].word.bits);
        expected += 1;
    }
}
