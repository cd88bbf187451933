//! How both kernels' batches become records, against a model that is slow and plain: batches of any
//! events, in any order. Nothing is asked of a kernel.

const std = @import("std");
const testing = std.testing;

const abi = @import("abi.zig");
const Choices = @import("choices.zig");
const epoll = @import("epoll_records.zig");
const kqueue = @import("kqueue_records.zig");
const Bits = abi.Bits;
const Filter = kqueue.Filter;
const Flag = kqueue.Flag;
const Record = abi.Record;

const events_max = 64;

/// Records as they are expected, each fd and generation once where it may be merged.
const Expected = struct {
    list: [events_max]Record = undefined,
    count: usize = 0,

    fn add(expected: *Expected, record: Record, merges: bool) void {
        if (merges) for (expected.list[0..expected.count]) |*earlier| {
            const same = earlier.fd == record.fd and
                earlier.word.generation == record.word.generation;
            if (!same) continue;
            const bits: u8 = @bitCast(earlier.word.bits);
            earlier.word.bits = @bitCast(bits | @as(u8, @bitCast(record.word.bits)));
            return;
        };
        expected.list[expected.count] = record;
        expected.count += 1;
    }

    fn expectEqual(expected: *const Expected, records: []const Record) !void {
        try testing.expectEqualSlices(Record, expected.list[0..expected.count], records);
    }
};

/// Often of few fds, so that they meet; sometimes the largest there are.
fn chooseFd(choices: Choices, few: bool) i32 {
    const fd = choices.lessThan(u31, if (few) 5 else 1 << 20);
    return if (choices.lessThan(u8, 16) == 0) std.math.maxInt(i32) - @as(i32, fd) else fd;
}

fn chooseGeneration(choices: Choices, few: bool) abi.Generation {
    const generation = choices.between(abi.Generation, 1, if (few) 3 else 0xffffff);
    return if (choices.lessThan(u8, 16) == 0) 0xffffff - (generation - 1) else generation;
}

fn checkEpoll(choices: Choices) !void {
    var events: [events_max]epoll.Event = undefined;
    var expected: Expected = .{};
    const few = choices.boolean();
    var count: u32 = 0;
    while (count < events_max and choices.more(30)) : (count += 1) {
        const own = choices.lessThan(u8, 8) == 0;
        const registration: epoll.Registration = .{
            .fd = chooseFd(choices, few),
            .generation = if (own) abi.generation_own else chooseGeneration(choices, few),
        };
        const mask = choices.int(u32);
        events[count] = .{ .events = mask, .data = .{ .u64 = @bitCast(registration) } };
        if (own) continue;
        // A registration has one event in a batch: nothing is merged.
        const bits: Bits = @bitCast(@as(u8, @truncate(mask & 0x1f)));
        const word: abi.Word = .{ .bits = bits, .generation = registration.generation };
        expected.add(.{ .fd = registration.fd, .word = word }, false);
    }
    const packed_count = epoll.pack(&events, count);
    const records: [*]const Record = @ptrCast(&events);
    try expected.expectEqual(records[0..@intCast(packed_count)]);
}

fn checkKqueue(choices: Choices) !void {
    var memory: [events_max * abi.batch_entry_bytes]u8 align(8) = undefined;
    const events: [*]kqueue.Event = @ptrCast(&memory);
    // As many as were asked for: the index begins behind their room.
    const limit = choices.between(u32, 1, events_max);
    var expected: Expected = .{};
    var expected_woken = false;
    const few = choices.boolean();
    var count: u32 = 0;
    while (count < limit and choices.more(30)) : (count += 1) {
        const own = choices.lessThan(u8, 16) == 0;
        events[count] = if (own) own_wake else chooseEvent(choices, few);
        expected_woken = expected_woken or own;
        if (own) continue;
        const event = &events[count];
        const registration: kqueue.Registration = @bitCast(event.udata);
        const bits = told(event, registration);
        if (bits.none()) continue;
        const word: abi.Word = .{ .bits = bits, .generation = registration.generation };
        expected.add(.{ .fd = @intCast(event.ident), .word = word }, registration.several);
    }
    const index: [*]u32 = @ptrCast(events + limit);
    const slots = index[0 .. 2 * limit];
    @memset(slots, 0xdead_beef);
    const result = kqueue.pack(events, count, slots);
    const records: [*]const Record = @ptrCast(events);
    try testing.expectEqual(expected_woken, result.woken);
    try expected.expectEqual(records[0..result.count]);
}

const own_wake: kqueue.Event = .{
    .ident = std.math.maxInt(u32),
    .filter = Filter.user,
    .flags = Flag.clear,
    .udata = @bitCast(kqueue.Registration{ .generation = abi.generation_own, .interest = .{} }),
};

/// One of the events that a registration may have: its interest says which filters there are.
fn chooseEvent(choices: Choices, few: bool) kqueue.Event {
    const fd = chooseFd(choices, few);
    const generation = chooseGeneration(choices, few);
    const interests = [_]Bits{
        .{ .read = true, .write = true },
        .{ .read = true },
        .{ .read = true, .pri = true, .one_shot = true },
        .{ .err = true, .hang_up = true },
        .{ .write = true, .edge = true },
    };
    // The same for every event of the registration.
    const kind = @as(u64, @intCast(fd)) *% 31 +% generation;
    const interest = interests[kind % interests.len];
    const one_filter = !interest.pri and interest.read != interest.write;
    const filters = [_]i16{ Filter.read, Filter.write, Filter.except, Filter.user };
    const filter = if (!one_filter)
        choices.of(i16, &filters)
    else if (interest.read) Filter.read else Filter.write;
    return .{
        .ident = @intCast(fd),
        .filter = filter,
        .flags = if (choices.boolean()) Flag.eof else 0,
        .fflags = choices.of(u32, &.{ 0, 0, kqueue.Note.out_of_band, 54, 61 }),
        .udata = @bitCast(kqueue.Registration{
            .generation = generation,
            .interest = interest,
            .stream = kind % 7 < 3,
            .several = !one_filter,
        }),
    };
}

/// What an event says, in the words of the interface's manual.
fn told(event: *const kqueue.Event, registration: kqueue.Registration) Bits {
    const interest = registration.interest;
    const ended = event.flags & Flag.eof != 0;
    const failed = ended and !registration.stream and event.fflags != 0;
    const read = event.filter == Filter.read;
    const write = event.filter == Filter.write;
    const broken = event.filter == Filter.user;
    const urgent = event.filter == Filter.except and event.fflags & kqueue.Note.out_of_band != 0;
    return .{
        .read = interest.read and read,
        .write = interest.write and (write or broken),
        .pri = urgent and !ended,
        .err = failed or broken or (ended and write and registration.stream),
        .hang_up = failed or (ended and read and registration.stream) or
            (ended and write and !registration.stream),
    };
}

test "random batches of epoll's are packed in their order, without our own wake" {
    try Choices.repeat(checkEpoll, 1000);
}

test "random batches of kqueue's are packed as a naive model packs them" {
    try Choices.repeat(checkKqueue, 2000);
}
