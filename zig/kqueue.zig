//! The macOS backend: level-triggered unless a registration says otherwise, one record per ready
//! fd, no state but the caller's `State`. It also runs on Linux over libkqueue, for tests.
//!
//! What kqueue does otherwise than epoll, and the answer here:
//! - A bad change hides those behind it: each carries EV_RECEIPT, and its errno comes back alone.
//! - EV_ADD on a filter that exists may keep its old mode: a filter is deleted before it is added.
//! - READ and WRITE are two filters and two events: `pack` makes one record of them. When a wait
//!   comes back full, one of the two may be left for the next.
//! - A fired ONESHOT filter leaves the fd's others armed: they are disabled after the wait.
//! - Regular files and named FIFOs are watched by rules of their own: both are refused with epoll's
//!   EPERM, and so is what else epoll refuses.
//! - EVFILT_WRITE on a pipe without a reader was refused with EPIPE by older kernels: a filter that
//!   fires by itself stands in for it, and the fd is reported as broken.
//! - EVFILT_EXCEPT fires for more than urgent data, so it is edge-triggered: PRI is told once for
//!   each arrival.
//! - macOS drops an fd's filters when its number is closed, so nothing stale fires there. libkqueue
//!   cannot see a close: `reset` replaces the queue.

const std = @import("std");
const assert = std.debug.assert;

const abi = @import("abi.zig");
const calls = @import("kqueue_calls.zig");
const file_kind = @import("file_kind.zig");
const outcome = @import("outcome.zig");
const records = @import("kqueue_records.zig");
const system = @import("system.zig");
const timeout = @import("timeout.zig");
const Directions = file_kind.Directions;
const FileKind = file_kind.FileKind;
const Filter = records.Filter;
const Flag = records.Flag;
const State = abi.State;
const Word = abi.Word;

const Event = records.Event;

pub const kind: abi.Backend = .kqueue;

/// Whom EVFILT_USER wakes: no fd's number, since those stand for their broken pipes.
const wake_ident: usize = std.math.maxInt(u32);

const watched_filters = [_]i16{ Filter.read, Filter.write, Filter.user } ++
    if (records.has_except) [_]i16{Filter.except} else [_]i16{};

/// Opens the queue; its wake is a filter of its own, so the queue's fd is also the wake's.
pub fn open(state: *State, force_timeout_ms: bool) i32 {
    state.* = .{ .timeout_ms_only = @intFromBool(force_timeout_ms) };
    const queue = openQueue();
    if (queue < 0) return queue;
    state.poller_fd = queue;
    state.wake_fd = queue;
    return 0;
}

pub fn close(state: *State) void {
    if (state.poller_fd >= 0) system.close(state.poller_fd);
    state.poller_fd = -1;
    state.wake_fd = -1;
}

/// An fd that another poller can watch: ready when this queue has events. It is the queue itself. One
/// around it would stay ready for ever, since a kqueue forgets an inner one only when it is waited
/// on; and nothing here has to outlive a `reset`, which macOS never needs.
pub fn expose(state: *State) i32 {
    return state.poller_fd;
}

/// Starts watching `fd`. A word without interest checks the fd and leaves it unwatched.
pub fn add(state: *State, fd: i32, word: Word) i32 {
    assert(word.generation != abi.generation_own);
    if (fd == state.poller_fd) return outcome.failure(.INVAL);
    if (!word.bits.none()) {
        const set_outcome = set(state.poller_fd, fd, word);
        return if (set_outcome < 0) set_outcome else 0;
    }
    // Only the kernel knows all that it refuses.
    const trial: Word = .{ .bits = .{ .read = true }, .generation = word.generation };
    const tried = set(state.poller_fd, fd, trial);
    return if (tried < 0) tried else remove(state, fd);
}

/// Gives a watched `fd` a new mask, and arms EDGE and ONESHOT again. ENOENT says that the queue
/// does not know the number: it was closed, and names another file by now.
pub fn update(state: *State, fd: i32, word: Word) i32 {
    assert(word.generation != abi.generation_own);
    assert(!word.bits.none());
    const known_count = set(state.poller_fd, fd, word);
    if (known_count < 0) return known_count;
    if (known_count > 0) return 0;
    const removed = remove(state, fd);
    return if (removed < 0) removed else outcome.failure(.NOENT);
}

/// Stops watching `fd`; one that is closed or unknown is no error, the goal is reached.
pub fn remove(state: *State, fd: i32) i32 {
    if (fd < 0) return 0;
    var changes: [watched_filters.len]Event = undefined;
    const removed = calls.submit(state.poller_fd, deletions(fd, &changes));
    return if (removed < 0) removed else 0;
}

/// Replaces the queue by an empty one, under a number of its own. The caller adds the live
/// registrations again. On failure the old queue stays.
pub fn reset(state: *State) i32 {
    const fresh = openQueue();
    if (fresh < 0) return fresh;
    // A wake that waits in the old queue would be lost with it.
    const woken = wake(fresh);
    if (woken < 0) {
        system.close(fresh);
        return woken;
    }
    system.close(state.poller_fd);
    state.poller_fd = fresh;
    state.wake_fd = fresh;
    return 0;
}

/// Waits at most `timeout_ns` and leaves the ready records packed at the start of `batch`; null waits
/// for as long as it takes. Returns their number, or -errno. Wakes end the wait and are not counted.
pub fn wait(state: *State, batch: abi.Batch, count_max: u32, timeout_ns: ?u64) i32 {
    assert(count_max > 0);
    const events: [*]Event = @ptrCast(batch);
    state.woken = 0;
    const count = calls.wait(state.poller_fd, events[0..count_max], limitOf(state, timeout_ns));
    if (count <= 0) return count;
    assert(count <= count_max);
    const ready: u32 = @intCast(count);
    disarm(state.poller_fd, events[0..ready]);
    const index: [*]u32 = @ptrCast(events + count_max);
    const result = records.pack(events, ready, index[0 .. 2 * @as(usize, count_max)]);
    state.woken = @intFromBool(result.woken);
    return @intCast(result.count);
}

fn limitOf(state: *const State, timeout_ns: ?u64) ?u64 {
    const limit_ns = timeout_ns orelse return null;
    if (state.timeout_ms_only == 0) return limit_ns;
    return @as(u64, @intCast(timeout.toMilliseconds(limit_ns))) * std.time.ns_per_ms;
}

/// Ends the current wait, or the next one. Callable from any thread.
pub fn wake(wake_fd: i32) i32 {
    if (wake_fd < 0) return outcome.failure(.BADF);
    const trigger = [_]Event{.{
        .ident = wake_ident,
        .filter = Filter.user,
        .flags = Flag.receipt,
        .fflags = records.Note.trigger,
    }};
    const triggered = calls.submit(wake_fd, &trigger);
    return if (triggered < 0) triggered else 0;
}

fn openQueue() i32 {
    const queue = calls.create();
    if (queue < 0) return queue;
    // Cleared as it is told, so that a wake ends one wait.
    const own: records.Registration = .{ .generation = abi.generation_own, .interest = .{} };
    const watched = calls.submit(queue, &[_]Event{.{
        .ident = wake_ident,
        .filter = Filter.user,
        .flags = Flag.add | Flag.clear | Flag.receipt,
        .udata = @bitCast(own),
    }});
    if (watched >= 0) return queue;
    system.close(queue);
    return watched;
}

/// Makes the kernel watch exactly what `word` asks for. Returns how many filters of `fd` it knew
/// before.
fn set(queue: i32, fd: i32, word: Word) i32 {
    var file: FileKind = undefined;
    const looked = file_kind.of(fd, &file);
    if (looked < 0) return looked;
    switch (file) {
        .socket, .stream => {},
        .stored, .named_fifo => return outcome.failure(.PERM),
    }

    var deleted: [watched_filters.len]Event = undefined;
    const known_count = calls.submit(queue, deletions(fd, &deleted));
    if (known_count < 0) return known_count;

    var added: [records.additions_max]Event = undefined;
    const one_way = file == .stream and records.watchesErrorsAlone(word.bits);
    const directions: Directions = if (one_way) .of(fd) else .{};
    const changed = calls.submit(queue, records.additions(fd, word, file, directions, &added));
    if (changed >= 0) return known_count;
    const settled = if (outcome.errno(changed) == .PIPE) addBroken(queue, fd, word) else changed;
    if (settled >= 0) return known_count;
    // One filter may stand where another was refused.
    _ = calls.submit(queue, deletions(fd, &deleted));
    return settled;
}

/// A filter that fires by itself, for a pipe that the kernel will not watch as nobody reads it.
fn addBroken(queue: i32, fd: i32, word: Word) i32 {
    const registration: records.Registration = .{
        .generation = word.generation,
        .interest = word.bits,
        .stream = true,
        .several = true,
    };
    const once = if (word.bits.write) records.modeFlags(word.bits) else Flag.clear;
    return calls.submit(queue, &[_]Event{ .{
        .ident = @intCast(fd),
        .filter = Filter.user,
        .flags = Flag.add | Flag.receipt | once,
        .udata = @bitCast(registration),
    }, .{
        .ident = @intCast(fd),
        .filter = Filter.user,
        .flags = Flag.receipt,
        .fflags = records.Note.trigger,
        .udata = @bitCast(registration),
    } });
}

fn deletions(fd: i32, changes: *[watched_filters.len]Event) []const Event {
    for (changes, watched_filters) |*change, filter| {
        change.* = .{
            .ident = @intCast(fd),
            .filter = filter,
            .flags = Flag.delete | Flag.receipt,
        };
    }
    return changes;
}

/// Ends what is still watched of each fd whose ONESHOT has fired. The kernel refuses that for what
/// is gone alone; and the events are taken, so that nothing may keep them from being told.
fn disarm(queue: i32, events: []const Event) void {
    var changes: [calls.submit_max]Event = undefined;
    var length: usize = 0;
    for (events) |*event| {
        const registration: records.Registration = @bitCast(event.udata);
        const interest = registration.interest;
        // A filter of its own has disabled itself, unless it is one that watches for errors.
        const others_armed = registration.several or records.watchesErrorsAlone(interest);
        const fired = interest.one_shot and others_armed and !records.fromKernel(event).none();
        if (!fired) continue;
        if (length + watched_filters.len > changes.len) {
            _ = calls.submit(queue, changes[0..length]);
            length = 0;
        }
        for (watched_filters) |filter| {
            changes[length] = .{
                .ident = event.ident,
                .filter = filter,
                .flags = Flag.disable | Flag.receipt,
                .udata = event.udata,
            };
            length += 1;
        }
    }
    if (length > 0) _ = calls.submit(queue, changes[0..length]);
}

test "a pipe that is refused as nobody reads it is told as broken, as its mode wants it" {
    if (@import("build_options").backend != .kqueue) return;
    const testing = std.testing;
    var state: State = undefined;
    try testing.expectEqual(@as(i32, 0), open(&state, false));
    defer close(&state);
    var fds: [2]i32 = undefined;
    try testing.expectEqual(@as(i32, 0), system.pipe(&fds));
    defer for (fds) |fd| system.close(fd);

    const told: abi.Bits = .{ .write = true, .err = true };
    const cases = [_]struct { abi.Bits, abi.Bits, i32 }{
        .{ .{ .write = true }, told, 1 },
        .{ .{ .write = true, .edge = true }, told, 0 },
        .{ .{ .write = true, .one_shot = true }, told, 0 },
        .{ .{ .err = true }, .{ .err = true }, 0 },
        .{ .{ .err = true, .one_shot = true }, .{ .err = true }, 0 },
    };
    for (cases) |case| {
        const asked, const bits, const again_count = case;
        const word: Word = .{ .bits = asked, .generation = 5 };
        try testing.expect(addBroken(state.poller_fd, fds[1], word) >= 0);
        var batch: [2 * abi.batch_entry_bytes]u8 align(8) = undefined;
        try testing.expectEqual(@as(i32, 1), wait(&state, &batch, 2, std.time.ns_per_s));
        const record: *const abi.Record = @ptrCast(&batch);
        const expected: abi.Record = .{ .fd = fds[1], .word = .{ .bits = bits, .generation = 5 } };
        try testing.expectEqual(expected, record.*);
        try testing.expectEqual(again_count, wait(&state, &batch, 2, 0));
        try testing.expectEqual(@as(i32, 0), remove(&state, fds[1]));
        try testing.expectEqual(@as(i32, 0), wait(&state, &batch, 2, 0));
    }
}
