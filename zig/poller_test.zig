//! What every backend must do, seen through its records alone.

const std = @import("std");
const testing = std.testing;

const abi = @import("abi.zig");
const backend = @import("poller.zig").backend;
const outcome = @import("outcome.zig");
const system = @import("system.zig");
const calls = system.calls;
const Record = abi.Record;
const State = abi.State;
const Word = abi.Word;

const TestPoller = struct {
    state: State = undefined,
    batch: [records_max * abi.batch_entry_bytes]u8 align(8) = undefined,
    pipe_fds: [2]i32 = undefined,

    const records_max = 8;

    fn init(poller: *TestPoller, force_timeout_ms: bool) !void {
        try testing.expectEqual(@as(i32, 0), backend.open(&poller.state, force_timeout_ms));
        try testing.expectEqual(@as(i32, 0), system.pipe(&poller.pipe_fds));
    }

    fn deinit(poller: *TestPoller) void {
        for (poller.pipe_fds) |fd| system.close(fd);
        backend.close(&poller.state);
    }

    fn waitRecords(poller: *TestPoller, timeout_ns: ?u64) ![]const Record {
        const count = backend.wait(&poller.state, &poller.batch, records_max, timeout_ns);
        try testing.expect(count >= 0);
        const records: [*]const Record = @ptrCast(&poller.batch);
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

        try testing.expectEqual(@as(i32, 0), backend.add(&poller.state, reader, word_read));
        try testing.expectEqual(@as(usize, 0), (try poller.waitRecords(1000)).len);
        try poke(writer);
        const records = try poller.waitRecords(std.time.ns_per_s);
        try testing.expectEqual(@as(usize, 1), records.len);
        try testing.expectEqual(Record{ .fd = reader, .word = word_read }, records[0]);

        try testing.expectEqual(@as(i32, 0), backend.remove(&poller.state, reader));
        try testing.expectEqual(@as(usize, 0), (try poller.waitRecords(0)).len);
    }
}

test "a wait without an end is ended by readiness and by a wake, under both clocks" {
    for ([_]bool{ false, true }) |force_timeout_ms| {
        var poller: TestPoller = .{};
        try poller.init(force_timeout_ms);
        defer poller.deinit();
        const reader, const writer = poller.pipe_fds;

        try testing.expectEqual(@as(i32, 0), backend.wake(poller.state.wake_fd));
        try testing.expectEqual(@as(usize, 0), (try poller.waitRecords(null)).len);
        try testing.expectEqual(@as(i32, 1), poller.state.woken);
        try testing.expectEqual(@as(i32, 0), backend.add(&poller.state, reader, word_read));
        try poke(writer);
        try testing.expectEqual(@as(usize, 1), (try poller.waitRecords(null)).len);
        try testing.expectEqual(@as(i32, 0), poller.state.woken);
    }
}

test "a second add replaces the first, and an update of what is not there says so" {
    var poller: TestPoller = .{};
    try poller.init(false);
    defer poller.deinit();
    const reader = poller.pipe_fds[0];

    const missing = outcome.failure(.NOENT);
    try testing.expectEqual(missing, backend.update(&poller.state, reader, word_read));
    try testing.expectEqual(@as(i32, 0), backend.add(&poller.state, reader, word_read));
    try testing.expectEqual(@as(i32, 0), backend.update(&poller.state, reader, word_read));
    try testing.expectEqual(@as(i32, 0), backend.add(&poller.state, reader, word_read));
    try testing.expectEqual(@as(i32, 0), backend.remove(&poller.state, reader));
    try testing.expectEqual(@as(i32, 0), backend.remove(&poller.state, reader));
    try testing.expectEqual(@as(i32, 0), backend.remove(&poller.state, 1 << 30));
}

test "an fd that cannot be watched is refused, also when its mask is a pause" {
    var poller: TestPoller = .{};
    try poller.init(false);
    defer poller.deinit();
    const directory = outcome.of(calls.open("/", .{ .CLOEXEC = true }, @as(c_uint, 0)));
    try testing.expect(directory >= 0);
    defer system.close(directory);

    const state = &poller.state;
    const pause: Word = .{ .bits = .{}, .generation = 7 };
    for ([_]Word{ pause, word_read }) |word| {
        try testing.expectEqual(outcome.failure(.PERM), backend.add(state, directory, word));
        try testing.expectEqual(outcome.failure(.BADF), backend.add(state, 1 << 30, word));
        try testing.expectEqual(outcome.failure(.BADF), backend.add(state, -1, word));
        try testing.expectEqual(outcome.failure(.INVAL), backend.add(state, state.wake_fd, word));
    }
}

test "a wake ends one wait, is merged, and is never a record" {
    var poller: TestPoller = .{};
    try poller.init(false);
    defer poller.deinit();

    for (0..100) |_| try testing.expectEqual(@as(i32, 0), backend.wake(poller.state.wake_fd));
    try testing.expectEqual(@as(usize, 0), (try poller.waitRecords(60 * std.time.ns_per_s)).len);
    try testing.expectEqual(@as(i32, 1), poller.state.woken);
    // The merged wake is used up: this wait lasts its whole time.
    var before: calls.timespec = undefined;
    var after: calls.timespec = undefined;
    _ = calls.clock_gettime(.MONOTONIC, &before);
    try testing.expectEqual(@as(usize, 0), (try poller.waitRecords(2 * std.time.ns_per_ms)).len);
    _ = calls.clock_gettime(.MONOTONIC, &after);
    const waited_ns = (after.sec - before.sec) * std.time.ns_per_s + after.nsec - before.nsec;
    try testing.expect(waited_ns >= 2 * std.time.ns_per_ms);
}

test "a wake ends a wait also where others have filled its counter, and the loop has seen that" {
    if (backend.kind != .epoll) return;
    var poller: TestPoller = .{};
    try poller.init(false);
    defer poller.deinit();
    const full: u64 = std.math.maxInt(u64) - 1;
    for ([_]bool{ false, true }) |seen| {
        _ = calls.write(poller.state.wake_fd, std.mem.asBytes(&full), @sizeOf(u64));
        if (seen) _ = try poller.waitRecords(0);
        try testing.expectEqual(@as(i32, 0), backend.wake(poller.state.wake_fd));
        _ = try poller.waitRecords(60 * std.time.ns_per_s);
        try testing.expectEqual(@as(i32, 1), poller.state.woken);
    }
}

test "readiness to read and to write is one record" {
    var poller: TestPoller = .{};
    try poller.init(false);
    defer poller.deinit();
    const pair = try openPair();
    defer for (pair) |fd| system.close(fd);

    try poke(pair[1]);
    const both: Word = .{ .bits = .{ .read = true, .write = true }, .generation = 9 };
    try testing.expectEqual(@as(i32, 0), backend.add(&poller.state, pair[0], both));
    for (0..2) |_| {
        const records = try poller.waitRecords(std.time.ns_per_s);
        try testing.expectEqual(@as(usize, 1), records.len);
        try testing.expectEqual(Record{ .fd = pair[0], .word = both }, records[0]);
    }
}

test "a ONESHOT that fired is silent in both directions until an update arms it again" {
    var poller: TestPoller = .{};
    try poller.init(false);
    defer poller.deinit();
    const pair = try openPair();
    defer for (pair) |fd| system.close(fd);

    const once: Word = .{
        .bits = .{ .read = true, .write = true, .one_shot = true },
        .generation = 9,
    };
    try testing.expectEqual(@as(i32, 0), backend.add(&poller.state, pair[0], once));
    for (0..2) |_| {
        // Writable alone; the reading side is still armed when it fires.
        const records = try poller.waitRecords(std.time.ns_per_s);
        try testing.expectEqual(@as(usize, 1), records.len);
        try testing.expectEqual(abi.Bits{ .write = true }, records[0].word.bits);
        try poke(pair[1]);
        try testing.expectEqual(@as(usize, 0), (try poller.waitRecords(0)).len);
        try testing.expectEqual(@as(i32, 1), outcome.of(calls.read(pair[0], &poller.batch, 1)));
        try testing.expectEqual(@as(i32, 0), backend.update(&poller.state, pair[0], once));
    }
}

test "an EDGE tells each arrival once, and once more after an update" {
    var poller: TestPoller = .{};
    try poller.init(false);
    defer poller.deinit();
    const reader, const writer = poller.pipe_fds;
    const edge: Word = .{ .bits = .{ .read = true, .edge = true }, .generation = 9 };
    try testing.expectEqual(@as(i32, 0), backend.add(&poller.state, reader, edge));
    for (0..2) |_| {
        try poke(writer);
        try testing.expectEqual(@as(usize, 1), (try poller.waitRecords(std.time.ns_per_s)).len);
        try testing.expectEqual(@as(usize, 0), (try poller.waitRecords(0)).len);
    }
    try testing.expectEqual(@as(i32, 0), backend.update(&poller.state, reader, edge));
    try testing.expectEqual(@as(usize, 1), (try poller.waitRecords(std.time.ns_per_s)).len);
}

test "interest in errors alone is silent for data, and tells a hang-up once" {
    var poller: TestPoller = .{};
    try poller.init(false);
    defer poller.deinit();
    const reader = poller.pipe_fds[0];
    const errors: Word = .{ .bits = .{ .err = true, .hang_up = true }, .generation = 9 };
    try testing.expectEqual(@as(i32, 0), backend.add(&poller.state, reader, errors));
    try poke(poller.pipe_fds[1]);
    try testing.expectEqual(@as(usize, 0), (try poller.waitRecords(std.time.ns_per_ms)).len);

    system.close(poller.pipe_fds[1]);
    poller.pipe_fds[1] = -1;
    const records = try poller.waitRecords(std.time.ns_per_s);
    try testing.expectEqual(@as(usize, 1), records.len);
    try testing.expect(records[0].word.bits.hang_up);
    try testing.expectEqual(@as(usize, 0), (try poller.waitRecords(0)).len);
}

test "a reset keeps the wake and the outer fd, and ends a ghost" {
    var poller: TestPoller = .{};
    try poller.init(false);
    defer poller.deinit();
    var outer: TestPoller = .{};
    try outer.init(false);
    defer outer.deinit();
    const reader, const writer = poller.pipe_fds;
    const outer_fd = backend.expose(&poller.state);
    try testing.expect(outer_fd >= 0);
    try testing.expectEqual(outer_fd, backend.expose(&poller.state));
    try testing.expectEqual(@as(i32, 0), backend.add(&outer.state, outer_fd, word_read));

    const ghost = outcome.of(calls.dup(reader));
    try testing.expectEqual(@as(i32, 0), backend.add(&poller.state, ghost, word_read));
    system.close(ghost);
    try poke(writer);
    try testing.expectEqual(@as(i32, 0), backend.remove(&poller.state, ghost));
    // epoll goes on reporting what can no longer be removed; macOS has dropped it.
    if (backend.kind == .epoll) {
        try testing.expectEqual(@as(usize, 1), (try poller.waitRecords(0)).len);
    }
    try testing.expectEqual(@as(i32, 0), backend.reset(&poller.state));
    try testing.expectEqual(@as(usize, 0), (try poller.waitRecords(0)).len);

    try testing.expectEqual(@as(i32, 0), backend.add(&poller.state, reader, word_read));
    // A kqueue has another number by now; macOS, which has no ghosts, never gets there.
    if (backend.kind == .epoll) {
        try testing.expectEqual(@as(usize, 1), (try outer.waitRecords(std.time.ns_per_s)).len);
    }
    try testing.expectEqual(@as(i32, 0), backend.wake(poller.state.wake_fd));
    try testing.expectEqual(@as(usize, 1), (try poller.waitRecords(0)).len);
}

test "a queue that a reset replaced is not heard of, though somebody else has it open" {
    // kqueues have no ghosts, and no child inherits one.
    if (backend.kind != .epoll) return;
    var poller: TestPoller = .{};
    try poller.init(false);
    defer poller.deinit();
    var outer: TestPoller = .{};
    try outer.init(false);
    defer outer.deinit();
    const outer_fd = backend.expose(&poller.state);
    try testing.expectEqual(@as(i32, 0), backend.add(&outer.state, outer_fd, word_read));
    const reader, const writer = poller.pipe_fds;
    try poke(writer);

    var held: [3]i32 = undefined;
    defer for (held) |fd| system.close(fd);
    for (&held) |*fd| {
        try testing.expectEqual(@as(i32, 0), backend.add(&poller.state, reader, word_read));
        try testing.expectEqual(@as(usize, 1), (try outer.waitRecords(0)).len);
        fd.* = outcome.of(calls.dup(poller.state.poller_fd));
        try testing.expect(fd.* >= 0);
        try testing.expectEqual(@as(i32, 0), backend.reset(&poller.state));
        try testing.expectEqual(@as(usize, 0), (try outer.waitRecords(0)).len);
    }
}

test "a wake that waits is not lost by a reset" {
    var poller: TestPoller = .{};
    try poller.init(false);
    defer poller.deinit();
    try testing.expectEqual(@as(i32, 0), backend.wake(poller.state.wake_fd));
    try testing.expectEqual(@as(i32, 0), backend.reset(&poller.state));
    try testing.expectEqual(@as(usize, 0), (try poller.waitRecords(60 * std.time.ns_per_s)).len);
    try testing.expectEqual(@as(i32, 1), poller.state.woken);
}

fn openPair() ![2]i32 {
    var pair: [2]i32 = undefined;
    try testing.expectEqual(@as(i32, 0), system.socketpair(calls.SOCK.STREAM, &pair));
    return pair;
}

fn poke(fd: i32) !void {
    try testing.expectEqual(@as(i32, 1), outcome.of(calls.write(fd, "x", 1)));
}
