//! The Linux backend, on raw system calls: level-triggered unless a registration says otherwise, one
//! record per ready fd, no state but the caller's `State`.
//!
//! What epoll does that its manual is quiet about, and the answer here:
//! - A wait ends with EINTR even under SA_RESTART: it goes back to the caller, who knows the deadline.
//! - epoll_pwait2 is missing before Linux 5.11, and some seccomp filters refuse it with EPERM: it is
//!   probed once, and milliseconds, rounded up, take its place.
//! - An empty mask still reports errors and hang-ups, for ever: a paused fd leaves the kernel, and
//!   interest in errors alone is edge-triggered.
//! - The kernel keys a registration by fd and open file, so dup2 can make ours and its own differ:
//!   the caller's table is the truth, and EEXIST and ENOENT are mended.
//! - A closed fd whose open file lives on elsewhere keeps firing and cannot be removed: `reset`
//!   replaces the whole queue under the same number.

const std = @import("std");
const builtin = @import("builtin");
const linux = std.os.linux;
const assert = std.debug.assert;

const abi = @import("abi.zig");
const timeout = @import("timeout.zig");
const Bits = abi.Bits;
const Record = abi.Record;
const State = abi.State;
const Word = abi.Word;

pub const Event = linux.epoll_event;

comptime {
    assert(@sizeOf(Event) <= abi.kernel_event_bytes_max);
    // Packing in place writes record N before event N + 1 is read.
    assert(@sizeOf(Record) <= @sizeOf(Event));
    assert(@alignOf(Record) <= @alignOf(Event));
}

/// Opens the queue and its wake fd. On failure nothing stays open.
pub fn open(state: *State, force_timeout_ms: bool) i32 {
    state.* = .{ .poller_fd = -1, .wake_fd = -1, .outer_fd = -1, .timeout_ms_only = 0 };

    const poller_fd = result(linux.epoll_create1(linux.EPOLL.CLOEXEC));
    if (poller_fd < 0) return poller_fd;
    const wake_fd = result(linux.eventfd(0, linux.EFD.CLOEXEC | linux.EFD.NONBLOCK));
    if (wake_fd < 0) {
        _ = linux.close(poller_fd);
        return wake_fd;
    }
    state.poller_fd = poller_fd;
    state.wake_fd = wake_fd;

    const watched = watchWake(poller_fd, wake_fd);
    if (watched < 0) {
        close(state);
        return watched;
    }
    state.timeout_ms_only = @intFromBool(force_timeout_ms or !haveNanoseconds(poller_fd));
    assert(state.poller_fd >= 0);
    assert(state.wake_fd >= 0);
    return 0;
}

pub fn close(state: *State) void {
    for ([_]*i32{ &state.outer_fd, &state.wake_fd, &state.poller_fd }) |fd| {
        if (fd.* >= 0) _ = linux.close(fd.*);
        fd.* = -1;
    }
}

/// An fd that another poller can watch: ready when this queue has events. It keeps its number and its
/// registrations when `reset` replaces the queue within.
pub fn expose(state: *State) i32 {
    if (state.outer_fd >= 0) return state.outer_fd;
    const outer_fd = result(linux.epoll_create1(linux.EPOLL.CLOEXEC));
    if (outer_fd < 0) return outer_fd;
    const nested = nest(outer_fd, state.poller_fd);
    if (nested < 0) {
        _ = linux.close(outer_fd);
        return nested;
    }
    state.outer_fd = outer_fd;
    return outer_fd;
}

/// Starts watching `fd`. A word without interest checks the fd and leaves it unwatched.
pub fn add(state: *State, fd: i32, word: Word) i32 {
    assert(word.generation != abi.generation_own);
    if (fd == state.wake_fd or fd == state.poller_fd) return -@as(i32, @intFromEnum(linux.E.INVAL));

    const added = control(state.poller_fd, linux.EPOLL.CTL_ADD, fd, word);
    const outcome = switch (errnoOf(added)) {
        // dup2 put an open file back under its old number: the entry is stale, and ours replaces it.
        .EXIST => control(state.poller_fd, linux.EPOLL.CTL_MOD, fd, word),
        // EBADF, EPERM (a file that is always ready), ENOMEM, ENOSPC (max_user_watches), ELOOP and
        // EINVAL are the caller's to hear.
        else => added,
    };
    if (outcome == 0 and word.bits.none()) return remove(state, fd);
    return outcome;
}

/// Gives a watched `fd` a new mask, and arms EDGE and ONESHOT again.
pub fn update(state: *State, fd: i32, word: Word) i32 {
    assert(word.generation != abi.generation_own);
    assert(!word.bits.none());
    const modified = control(state.poller_fd, linux.EPOLL.CTL_MOD, fd, word);
    return switch (errnoOf(modified)) {
        // The number now names another open file; the table says it is watched, so it is.
        .NOENT => control(state.poller_fd, linux.EPOLL.CTL_ADD, fd, word),
        else => modified,
    };
}

/// Stops watching `fd`; one that is closed or unknown is no error, the goal is reached.
pub fn remove(state: *State, fd: i32) i32 {
    const removed = result(linux.epoll_ctl(state.poller_fd, linux.EPOLL.CTL_DEL, fd, null));
    return switch (errnoOf(removed)) {
        .NOENT, .BADF, .PERM => 0,
        else => removed,
    };
}

/// Replaces the queue by an empty one under the same number, which ends every stale registration.
/// The caller adds the live ones again. On failure the old queue stays.
pub fn reset(state: *State) i32 {
    const fresh_fd = result(linux.epoll_create1(linux.EPOLL.CLOEXEC));
    if (fresh_fd < 0) return fresh_fd;
    defer _ = linux.close(fresh_fd);

    const watched = watchWake(fresh_fd, state.wake_fd);
    if (watched < 0) return watched;
    const replaced = result(linux.dup3(
        fresh_fd,
        state.poller_fd,
        @bitCast(linux.O{ .CLOEXEC = true }),
    ));
    if (replaced < 0) return replaced;
    assert(replaced == state.poller_fd);
    // Closing the old queue took it out of the outer one.
    return if (state.outer_fd >= 0) nest(state.outer_fd, state.poller_fd) else 0;
}

/// Waits at most `timeout_ns` and leaves the ready records packed at the start of `events`. Returns
/// their number, or -errno. Wakes end the wait and are not counted.
pub fn wait(state: *State, events: [*]Event, count_max: u32, timeout_ns: u64) i32 {
    assert(count_max > 0);
    const returned = if (timeout_ns == 0)
        // A third cheaper than epoll_pwait2 where nothing is waited for.
        linux.epoll_pwait(state.poller_fd, events, count_max, 0, null)
    else if (state.timeout_ms_only != 0)
        linux.epoll_pwait(state.poller_fd, events, count_max, timeout.toMilliseconds(timeout_ns), null)
    else
        waitNanoseconds(state.poller_fd, events, count_max, timeout_ns);

    const count = result(returned);
    if (count <= 0) return count;
    assert(count <= count_max);
    return pack(events, @intCast(count));
}

/// Ends the current wait, or the next one. Callable from any thread.
pub fn wake(wake_fd: i32) i32 {
    const one: u64 = 1;
    const written = result(linux.write(wake_fd, std.mem.asBytes(&one), @sizeOf(u64)));
    return switch (errnoOf(written)) {
        .SUCCESS => 0,
        // The counter is full: a wake is pending already.
        .AGAIN => 0,
        else => written,
    };
}

/// Edge-triggered, so that the counter need not be read back after each wake.
fn watchWake(poller_fd: i32, wake_fd: i32) i32 {
    return control(poller_fd, linux.EPOLL.CTL_ADD, wake_fd, .{
        .bits = .{ .read = true, .edge = true },
        .generation = abi.generation_own,
    });
}

fn nest(outer_fd: i32, inner_fd: i32) i32 {
    return control(outer_fd, linux.EPOLL.CTL_ADD, inner_fd, .{
        .bits = .{ .read = true },
        .generation = abi.generation_own,
    });
}

fn control(poller_fd: i32, operation: u32, fd: i32, word: Word) i32 {
    var event: Event = .{
        .events = toKernel(word.bits),
        .data = .{ .u64 = @bitCast(Registration{ .fd = fd, .generation = word.generation }) },
    };
    return result(linux.epoll_ctl(poller_fd, operation, fd, &event));
}

/// What the kernel keeps for us beside a registration, and hands back with each event.
const Registration = packed struct(u64) {
    fd: i32,
    generation: abi.Generation,
    _unused: u8 = 0,
};

/// Packs the kernel's events into records, in place, leaving out our own wake.
fn pack(events: [*]Event, count: u32) i32 {
    const records: [*]Record = @ptrCast(events);
    var packed_count: u32 = 0;
    for (0..count) |index| {
        const event = events[index];
        const registration: Registration = @bitCast(event.data.u64);
        if (registration.generation == abi.generation_own) continue;
        assert(packed_count <= index);
        records[packed_count] = .{
            .fd = registration.fd,
            .word = .{ .bits = fromKernel(event.events), .generation = registration.generation },
        };
        packed_count += 1;
    }
    return @intCast(packed_count);
}

/// The kernel's mask for a registration.
fn toKernel(bits: Bits) u32 {
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

fn haveNanoseconds(poller_fd: i32) bool {
    var event: [1]Event = undefined;
    // ENOSYS, or EPERM from a filter. Any other failure would show in the first wait as well.
    return errnoOf(result(waitNanoseconds(poller_fd, &event, 1, 0))) == .SUCCESS;
}

fn waitNanoseconds(poller_fd: i32, events: [*]Event, count_max: u32, timeout_ns: u64) usize {
    const timespec: linux.kernel_timespec = .{
        .sec = @intCast(timeout_ns / std.time.ns_per_s),
        .nsec = @intCast(timeout_ns % std.time.ns_per_s),
    };
    return linux.syscall6(
        .epoll_pwait2,
        @bitCast(@as(isize, poller_fd)),
        @intFromPtr(events),
        count_max,
        @intFromPtr(&timespec),
        0,
        linux.NSIG / 8,
    );
}

/// The system call's value, or -errno.
fn result(returned: usize) i32 {
    return @bitCast(@as(u32, @truncate(returned)));
}

fn errnoOf(outcome: i32) linux.E {
    return if (outcome < 0) @enumFromInt(-outcome) else .SUCCESS;
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

const TestPoller = struct {
    state: State = undefined,
    events: [8]Event = undefined,
    pipe_fds: [2]i32 = undefined,

    fn init(poller: *TestPoller, force_timeout_ms: bool) !void {
        try testing.expectEqual(@as(i32, 0), open(&poller.state, force_timeout_ms));
        const pipe_flags: linux.O = .{ .CLOEXEC = true, .NONBLOCK = true };
        try testing.expectEqual(@as(usize, 0), linux.pipe2(&poller.pipe_fds, pipe_flags));
    }

    fn deinit(poller: *TestPoller) void {
        for (poller.pipe_fds) |fd| _ = linux.close(fd);
        close(&poller.state);
    }

    fn waitRecords(poller: *TestPoller, timeout_ns: u64) ![]const Record {
        const count = wait(&poller.state, &poller.events, poller.events.len, timeout_ns);
        try testing.expect(count >= 0);
        const records: [*]const Record = @ptrCast(&poller.events);
        return records[0..@intCast(count)];
    }
};

const word_read: Word = .{ .bits = .{ .read = true }, .generation = 7 };

test "readiness comes with the generation it was registered with, under both clocks" {
    for ([_]bool{ false, true }) |force_timeout_ms| {
        var poller: TestPoller = .{};
        try poller.init(force_timeout_ms);
        defer poller.deinit();
        const reader, const writer = poller.pipe_fds;

        try testing.expectEqual(@as(i32, 0), add(&poller.state, reader, word_read));
        try testing.expectEqual(@as(usize, 0), (try poller.waitRecords(1000)).len);
        _ = linux.write(writer, "x", 1);
        const records = try poller.waitRecords(std.time.ns_per_s);
        try testing.expectEqual(@as(usize, 1), records.len);
        try testing.expectEqual(Record{ .fd = reader, .word = word_read }, records[0]);

        try testing.expectEqual(@as(i32, 0), remove(&poller.state, reader));
        try testing.expectEqual(@as(usize, 0), (try poller.waitRecords(0)).len);
    }
}

test "the kernel's EEXIST and ENOENT are mended, since the caller's table is the truth" {
    var poller: TestPoller = .{};
    try poller.init(false);
    defer poller.deinit();
    const reader = poller.pipe_fds[0];

    try testing.expectEqual(@as(i32, 0), update(&poller.state, reader, word_read));
    try testing.expectEqual(@as(i32, 0), add(&poller.state, reader, word_read));
    try testing.expectEqual(@as(i32, 0), remove(&poller.state, reader));
    try testing.expectEqual(@as(i32, 0), remove(&poller.state, reader));
    try testing.expectEqual(@as(i32, 0), remove(&poller.state, 1 << 30));
}

test "an fd that cannot be watched is refused, also when its mask is a pause" {
    var poller: TestPoller = .{};
    try poller.init(false);
    defer poller.deinit();
    const directory = result(linux.open("/", .{ .CLOEXEC = true }, 0));
    try testing.expect(directory >= 0);
    defer _ = linux.close(directory);

    const pause: Word = .{ .bits = .{}, .generation = 7 };
    for ([_]Word{ pause, word_read }) |word| {
        const perm = -@as(i32, @intFromEnum(linux.E.PERM));
        const badf = -@as(i32, @intFromEnum(linux.E.BADF));
        const inval = -@as(i32, @intFromEnum(linux.E.INVAL));
        try testing.expectEqual(perm, add(&poller.state, directory, word));
        try testing.expectEqual(badf, add(&poller.state, 1 << 30, word));
        try testing.expectEqual(badf, add(&poller.state, -1, word));
        try testing.expectEqual(inval, add(&poller.state, poller.state.wake_fd, word));
    }
}

test "a wake ends one wait, is merged, and is never a record" {
    var poller: TestPoller = .{};
    try poller.init(false);
    defer poller.deinit();

    for (0..100) |_| try testing.expectEqual(@as(i32, 0), wake(poller.state.wake_fd));
    try testing.expectEqual(@as(usize, 0), (try poller.waitRecords(60 * std.time.ns_per_s)).len);
    // The merged wake is used up: this wait lasts its whole time.
    var before: linux.timespec = undefined;
    var after: linux.timespec = undefined;
    _ = linux.clock_gettime(.MONOTONIC, &before);
    try testing.expectEqual(@as(usize, 0), (try poller.waitRecords(2 * std.time.ns_per_ms)).len);
    _ = linux.clock_gettime(.MONOTONIC, &after);
    const waited_ns = (after.sec - before.sec) * std.time.ns_per_s + after.nsec - before.nsec;
    try testing.expect(waited_ns >= 2 * std.time.ns_per_ms);
}

test "a full wake counter is a wake already pending" {
    var poller: TestPoller = .{};
    try poller.init(false);
    defer poller.deinit();
    const full: u64 = std.math.maxInt(u64) - 1;
    _ = linux.write(poller.state.wake_fd, std.mem.asBytes(&full), @sizeOf(u64));
    try testing.expectEqual(@as(i32, 0), wake(poller.state.wake_fd));
}

test "a reset keeps the number, the wake and the outer fd, and ends a ghost" {
    var poller: TestPoller = .{};
    try poller.init(false);
    defer poller.deinit();
    const reader, const writer = poller.pipe_fds;
    const outer_fd = expose(&poller.state);
    try testing.expect(outer_fd >= 0);
    try testing.expectEqual(outer_fd, expose(&poller.state));

    const ghost = result(linux.dup(reader));
    try testing.expectEqual(@as(i32, 0), add(&poller.state, ghost, word_read));
    _ = linux.close(ghost);
    _ = linux.write(writer, "x", 1);
    try testing.expectEqual(@as(i32, 0), remove(&poller.state, ghost));
    try testing.expectEqual(@as(usize, 1), (try poller.waitRecords(0)).len);

    const number = poller.state.poller_fd;
    try testing.expectEqual(@as(i32, 0), reset(&poller.state));
    try testing.expectEqual(number, poller.state.poller_fd);
    try testing.expectEqual(@as(usize, 0), (try poller.waitRecords(0)).len);

    try testing.expectEqual(@as(i32, 0), add(&poller.state, reader, word_read));
    var event: [1]Event = undefined;
    try testing.expectEqual(@as(usize, 1), linux.epoll_wait(outer_fd, &event, 1, 0));
    try testing.expectEqual(@as(i32, 0), wake(poller.state.wake_fd));
    try testing.expectEqual(@as(usize, 1), (try poller.waitRecords(0)).len);
}
