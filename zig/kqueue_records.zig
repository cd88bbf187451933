//! Pure conversions between kqueue's filters and events and our bits and records. Nothing here calls
//! the kernel, so that all of it is tested on every system.

const std = @import("std");
const builtin = @import("builtin");
const assert = std.debug.assert;

const abi = @import("abi.zig");
const file_kind = @import("file_kind.zig");
const Directions = file_kind.Directions;
const FileKind = file_kind.FileKind;
const Bits = abi.Bits;
const Record = abi.Record;
const Word = abi.Word;

/// `struct kevent` of a 64-bit system, the same in macOS and in libkqueue.
pub const Event = extern struct {
    ident: usize,
    filter: i16,
    flags: u16,
    fflags: u32 = 0,
    data: isize = 0,
    udata: u64 = 0,
};

pub const Filter = struct {
    pub const read: i16 = -1;
    pub const write: i16 = -2;
    pub const process: i16 = -5;
    pub const timer: i16 = -7;
    /// The one number in which libkqueue differs from macOS.
    pub const user: i16 = if (builtin.os.tag == .macos) -10 else -11;
    pub const except: i16 = -15;
};

pub const Flag = struct {
    pub const add: u16 = 0x0001;
    pub const delete: u16 = 0x0002;
    pub const enable: u16 = 0x0004;
    pub const disable: u16 = 0x0008;
    pub const one_shot: u16 = 0x0010;
    pub const clear: u16 = 0x0020;
    pub const receipt: u16 = 0x0040;
    pub const dispatch: u16 = 0x0080;
    pub const @"error": u16 = 0x4000;
    pub const eof: u16 = 0x8000;
};

pub const Note = struct {
    pub const out_of_band: u32 = 0x0000_0002;
    pub const trigger: u32 = 0x0100_0000;
    pub const exit: u32 = 0x8000_0000;
    /// A process's status with its exit; only the parent may ask for it.
    pub const exit_status: u32 = 0x0400_0000;
    /// The unit of a timer. libkqueue's number for it is the same, and so is its meaning.
    pub const nanoseconds: u32 = 0x0000_0004;
};

/// libkqueue has no filter for urgent data.
pub const has_except = builtin.os.tag == .macos;

comptime {
    assert(@sizeOf(Event) == 32);
    assert(@offsetOf(Event, "filter") == 8);
    assert(@offsetOf(Event, "fflags") == 12);
    assert(@offsetOf(Event, "data") == 16);
    assert(@offsetOf(Event, "udata") == 24);
    if (builtin.os.tag == .macos) {
        const c = std.c;
        assert(@sizeOf(c.Kevent) == @sizeOf(Event));
        assert(c.EVFILT.READ == Filter.read);
        assert(c.EVFILT.WRITE == Filter.write);
        assert(c.EVFILT.USER == Filter.user);
        assert(c.EVFILT.EXCEPT == Filter.except);
        assert(c.EV.DISPATCH == Flag.dispatch);
        assert(c.EV.RECEIPT == Flag.receipt);
        assert(c.EV.EOF == Flag.eof);
        assert(c.NOTE.TRIGGER == Note.trigger);
        assert(c.NOTE.EXIT == Note.exit);
        assert(c.NOTE.EXITSTATUS == Note.exit_status);
        assert(c.NOTE.NSECONDS == Note.nanoseconds);
        assert(c.EVFILT.PROC == Filter.process);
        assert(c.EVFILT.TIMER == Filter.timer);
        assert(c.EV.ENABLE == Flag.enable);
        assert(c.EV.ONESHOT == Flag.one_shot);
    }
    // Two words for each event, beside it, index what is merged.
    assert(@sizeOf(Event) + 2 * @sizeOf(u32) <= abi.batch_entry_bytes);
    // Packing in place writes record N before event N + 1 is read.
    assert(@sizeOf(Record) <= @sizeOf(Event));
    assert(@alignOf(Record) <= @alignOf(Event));
}

/// What the kernel keeps for us beside a filter, and hands back with each of its events.
pub const Registration = packed struct(u64) {
    generation: abi.Generation,
    interest: Bits,
    /// Neither a socket nor refused: end of file is a hang-up.
    stream: bool = false,
    /// One of several filters on its fd, whose events make one record.
    several: bool = false,
    _unused: u30 = 0,
};

/// READ, WRITE and EXCEPT at most.
pub const additions_max = 3;

/// Whether nothing but errors, and perhaps urgent data, is asked for.
pub fn watchesErrorsAlone(bits: Bits) bool {
    return !bits.read and !bits.write;
}

/// The changes that make the kernel watch what `word` asks for. Errors alone are watched through
/// the fd's directions, by filters that are edge-triggered: else they would fire for ever for what
/// nobody asked.
pub fn additions(
    fd: i32,
    word: Word,
    kind: FileKind,
    directions: Directions,
    changes: *[additions_max]Event,
) []Event {
    const bits = word.bits;
    assert(!bits.none());
    assert(directions.read or directions.write);
    const errors_alone = watchesErrorsAlone(bits);
    const with_except = has_except and bits.pri and kind == .socket;
    const with_read = bits.read or (errors_alone and directions.read);
    const with_write = bits.write or (errors_alone and directions.write);
    const count = @as(u8, @intFromBool(with_read)) + @intFromBool(with_write) +
        @intFromBool(with_except);
    const registration: Registration = .{
        .generation = word.generation,
        .interest = bits,
        .stream = kind != .socket,
        .several = count > 1,
    };

    var length: usize = 0;
    const asked = modeFlags(bits);
    const filters = [_]struct { i16, bool, u16, u32 }{
        .{ Filter.read, with_read, if (bits.read) asked else Flag.clear, 0 },
        .{ Filter.write, with_write, if (bits.write) asked else Flag.clear, 0 },
        // It fires for plain data and at the end as well: level-triggered, it would never rest.
        .{ Filter.except, with_except, Flag.clear, Note.out_of_band },
    };
    for (filters) |entry| {
        const filter, const wanted, const flags, const fflags = entry;
        if (!wanted) continue;
        changes[length] = .{
            .ident = @intCast(fd),
            .filter = filter,
            .flags = Flag.add | Flag.receipt | flags,
            .fflags = fflags,
            .udata = @bitCast(registration),
        };
        length += 1;
    }
    assert(length == count);
    return changes[0..length];
}

/// A fired ONESHOT filter is disabled, not deleted, so that an update can tell what the queue knows.
pub fn modeFlags(bits: Bits) u16 {
    const edge: u16 = if (bits.edge) Flag.clear else 0;
    const one_shot: u16 = if (bits.one_shot) Flag.dispatch else 0;
    return edge | one_shot;
}

/// The bits of a record for one event; none when it only says what nobody asked for.
pub fn fromKernel(event: *const Event) Bits {
    const registration: Registration = @bitCast(event.udata);
    const ended = event.flags & Flag.eof != 0;
    // A socket's pending error. It comes with the end of both directions, as epoll says it.
    const failed = ended and !registration.stream and event.fflags != 0;
    var bits: Bits = .{
        .err = event.flags & Flag.@"error" != 0 or failed,
        .hang_up = failed,
    };
    switch (event.filter) {
        Filter.read => {
            bits.read = registration.interest.read;
            // The end of a socket's stream may be a half close, which reading finds. A pipe or a
            // terminal has no halves.
            if (ended and registration.stream) bits.hang_up = true;
        },
        Filter.write => {
            bits.write = registration.interest.write;
            if (ended and registration.stream) bits.err = true;
            if (ended and !registration.stream) bits.hang_up = true;
        },
        // At the end the word holds the socket's error, as it does for the others.
        Filter.except => bits.pri = !ended and event.fflags & Note.out_of_band != 0,
        // Stands for a pipe that was broken before it was watched.
        Filter.user => {
            bits.write = registration.interest.write;
            bits.err = true;
        },
        else => {},
    }
    return bits;
}

pub const Packed = struct { count: u32, woken: bool };

/// Packs the kernel's events into records, in place: one for each fd, with what its filters said.
/// Our own wake is left out. `slots`, two for each event, is room for an index.
pub fn pack(events: [*]Event, count: u32, slots: []u32) Packed {
    assert(slots.len >= 2 * count);
    const records: [*]Record = @ptrCast(events);
    var index: Index = .{ .slots = slots[0 .. 2 * count] };
    var result: Packed = .{ .count = 0, .woken = false };
    for (0..count) |position| {
        const event = events[position];
        const registration: Registration = @bitCast(event.udata);
        if (registration.generation == abi.generation_own) {
            result.woken = true;
            continue;
        }
        const bits = fromKernel(&event);
        if (bits.none()) continue;

        assert(result.count <= position);
        const fd: i32 = @intCast(event.ident);
        const word: Word = .{ .bits = bits, .generation = registration.generation };
        if (registration.several) {
            if (index.find(records, .{ .fd = fd, .word = word }, result.count)) |earlier| {
                earlier.word.bits = join(earlier.word.bits, bits);
                continue;
            }
        }
        records[result.count] = .{ .fd = fd, .word = word };
        result.count += 1;
    }
    return result;
}

pub fn join(a: Bits, b: Bits) Bits {
    return @bitCast(@as(u8, @bitCast(a)) | @as(u8, @bitCast(b)));
}

/// Open addressing over record numbers, raised by one so that 0 is a free slot. It is cleared when
/// the first fd with several filters comes, and costs nothing before.
const Index = struct {
    slots: []u32,
    cleared: bool = false,

    /// The record of the same fd and generation among those before, or none; then `next` is noted
    /// to be it.
    fn find(index: *Index, records: [*]Record, record: Record, next: u32) ?*Record {
        if (!index.cleared) @memset(index.slots, 0);
        index.cleared = true;
        // Knuth's multiplicative hash, scaled to the number of slots, which is no power of two.
        const hash: u64 = @as(u32, @bitCast(record.fd)) *% @as(u32, 2654435769);
        var slot: usize = @intCast(hash * index.slots.len >> 32);
        while (index.slots[slot] != 0) {
            const earlier = &records[index.slots[slot] - 1];
            const same = earlier.fd == record.fd and
                earlier.word.generation == record.word.generation;
            if (same) return earlier;
            slot = if (slot + 1 == index.slots.len) 0 else slot + 1;
        }
        index.slots[slot] = next + 1;
        return null;
    }
};
