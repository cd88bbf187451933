//! How batches of synthetic events become records.

const std = @import("std");
const testing = std.testing;

const abi = @import("abi.zig");
const records = @import("kqueue_records.zig");
const Bits = abi.Bits;
const Event = records.Event;
const Filter = records.Filter;
const Flag = records.Flag;
const Record = abi.Record;
const Registration = records.Registration;
const Word = abi.Word;

/// A batch as `wait` hands it over: events from its start, and room for the index behind them.
const Batch = struct {
    memory: [count_max * abi.batch_entry_bytes]u8 align(8) = undefined,
    /// How many events were asked for: the index begins behind them.
    limit: u32 = count_max,
    count: u32 = 0,

    const count_max = 256;

    fn events(batch: *Batch) [*]Event {
        return @ptrCast(&batch.memory);
    }

    fn append(batch: *Batch, event: Event) void {
        batch.events()[batch.count] = event;
        batch.count += 1;
    }

    fn pack(batch: *Batch) struct { []const Record, bool } {
        const index: [*]u32 = @ptrCast(batch.events() + batch.limit);
        const slots = index[0 .. 2 * batch.limit];
        @memset(slots, 0xdead_beef);
        const result = records.pack(batch.events(), batch.count, slots);
        const packed_records: [*]const Record = @ptrCast(batch.events());
        return .{ packed_records[0..result.count], result.woken };
    }
};

/// An event of one of two filters for both directions of a socket.
fn eventOf(fd: i32, generation: abi.Generation, filter: i16) Event {
    const registration: Registration = .{
        .generation = generation,
        .interest = .{ .read = true, .write = true },
        .several = true,
    };
    return .{
        .ident = @intCast(fd),
        .filter = filter,
        .flags = 0,
        .udata = @bitCast(registration),
    };
}

const own_wake: Event = .{
    .ident = std.math.maxInt(u32),
    .filter = Filter.user,
    .flags = Flag.clear,
    .udata = @bitCast(Registration{ .generation = abi.generation_own, .interest = .{} }),
};

test "READ and WRITE of one fd are one record, whatever their order and distance" {
    for ([_][2]i16{ .{ Filter.read, Filter.write }, .{ Filter.write, Filter.read } }) |filters| {
        for (0..24) |first| for (first + 1..25) |second| {
            var batch: Batch = .{};
            for (0..25) |position| {
                const event = if (position == first or position == second)
                    eventOf(7, 9, filters[@intFromBool(position == second)])
                else
                    eventOf(@intCast(100 + position), 9, Filter.read);
                batch.append(event);
            }
            const packed_records, const woken = batch.pack();
            try testing.expect(!woken);
            try testing.expectEqual(@as(usize, 24), packed_records.len);
            for (packed_records, 0..) |record, position| {
                // Those behind the second of the two move up by one.
                const from = position + @intFromBool(position >= second);
                const fd: i32 = if (position == first) 7 else @intCast(100 + from);
                const bits: Bits = .{ .read = true, .write = position == first };
                const word: Word = .{ .bits = bits, .generation = 9 };
                try testing.expectEqual(Record{ .fd = fd, .word = word }, record);
            }
        };
    }
}

test "registrations of one number under two generations are two records" {
    var batch: Batch = .{};
    batch.append(eventOf(7, 1, Filter.read));
    batch.append(eventOf(7, 2, Filter.write));
    batch.append(eventOf(7, 1, Filter.write));
    const packed_records, _ = batch.pack();
    const all: Bits = .{ .read = true, .write = true };
    try testing.expectEqualSlices(Record, &.{
        .{ .fd = 7, .word = .{ .bits = all, .generation = 1 } },
        .{ .fd = 7, .word = .{ .bits = .{ .write = true }, .generation = 2 } },
    }, packed_records);
}

test "our own wake is no record, wherever it stands, and is told apart" {
    for (0..3) |at| {
        var batch: Batch = .{};
        for (0..3) |position| {
            batch.append(if (position == at) own_wake else eventOf(7, 9, Filter.read));
        }
        const packed_records, const woken = batch.pack();
        try testing.expect(woken);
        try testing.expectEqual(@as(usize, 1), packed_records.len);
        try testing.expectEqual(@as(i32, 7), packed_records[0].fd);
    }
    var empty: Batch = .{};
    const packed_records, const woken = empty.pack();
    try testing.expect(!woken and packed_records.len == 0);
}

test "what nobody asked for is no record, and does not keep the other filter from being one" {
    const alone: Registration = .{
        .generation = 9,
        .interest = .{ .err = true, .hang_up = true },
        .several = true,
    };
    var quiet = eventOf(7, 9, Filter.read);
    quiet.udata = @bitCast(alone);
    var closed = eventOf(7, 9, Filter.write);
    closed.udata = @bitCast(alone);
    closed.flags = Flag.eof;

    var batch: Batch = .{};
    for ([_]Event{ quiet, closed, quiet }) |event| batch.append(event);
    const packed_records, _ = batch.pack();
    try testing.expectEqualSlices(Record, &.{
        .{ .fd = 7, .word = .{ .bits = .{ .hang_up = true }, .generation = 9 } },
    }, packed_records);
}

test "a full index keeps all its fds apart, and finds each" {
    var random = std.Random.DefaultPrng.init(testing.random_seed);
    for ([_]u32{ 1, 2, 3, 64, Batch.count_max }) |count| for (0..6) |pattern| {
        var batch: Batch = .{ .limit = count };
        var fds: [Batch.count_max]i32 = undefined;
        for (fds[0..count], 0..) |*fd, n| fd.* = switch (pattern) {
            0 => @intCast(n),
            1 => @intCast(n << 8),
            2 => @intCast(n << 20),
            3 => std.math.maxInt(i32) - @as(i32, @intCast(n)),
            4 => @intCast(n * 89),
            // Apart, since each has a step of its own to fall on.
            else => @intCast(n * 1000 + random.random().uintLessThan(usize, 1000)),
        };
        for (fds[0..count]) |fd| batch.append(eventOf(fd, 9, Filter.read));
        const packed_records, _ = batch.pack();
        try testing.expectEqual(@as(usize, count), packed_records.len);
        for (packed_records, fds[0..count]) |record, fd| try testing.expectEqual(fd, record.fd);

        var pairs: Batch = .{ .limit = count };
        for (fds[0 .. count / 2]) |fd| pairs.append(eventOf(fd, 9, Filter.write));
        for (fds[0 .. count / 2]) |fd| pairs.append(eventOf(fd, 9, Filter.read));
        const merged, _ = pairs.pack();
        try testing.expectEqual(@as(usize, count / 2), merged.len);
        for (merged) |record| try testing.expect(record.word.bits.read and record.word.bits.write);
    };
}
