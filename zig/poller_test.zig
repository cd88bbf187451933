//! What every backend must do, seen through its records alone.

const std = @import("std");
const linux = std.os.linux;
const testing = std.testing;

const abi = @import("abi.zig");
const backend = @import("poller.zig").backend;
const outcome = @import("outcome.zig");
const Record = abi.Record;
const State = abi.State;
const Word = abi.Word;

const TestPoller = struct {
    state: State = undefined,
    events: [8]backend.Event = undefined,
    pipe_fds: [2]i32 = undefined,

    fn init(poller: *TestPoller, force_timeout_ms: bool) !void {
        try testing.expectEqual(@as(i32, 0), backend.open(&poller.state, force_timeout_ms));
        const pipe_flags: linux.O = .{ .CLOEXEC = true, .NONBLOCK = true };
        try testing.expectEqual(@as(usize, 0), linux.pipe2(&poller.pipe_fds, pipe_flags));
    }

    fn deinit(poller: *TestPoller) void {
        for (poller.pipe_fds) |fd| _ = linux.close(fd);
        backend.close(&poller.state);
    }

    fn waitRecords(poller: *TestPoller, timeout_ns: u64) ![]const Record {
        const count = backend.wait(&poller.state, &poller.events, poller.events.len, timeout_ns);
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

        try testing.expectEqual(@as(i32, 0), backend.add(&poller.state, reader, word_read));
        try testing.expectEqual(@as(usize, 0), (try poller.waitRecords(1000)).len);
        _ = linux.write(writer, "x", 1);
        const records = try poller.waitRecords(std.time.ns_per_s);
        try testing.expectEqual(@as(usize, 1), records.len);
        try testing.expectEqual(Record{ .fd = reader, .word = word_read }, records[0]);

        try testing.expectEqual(@as(i32, 0), backend.remove(&poller.state, reader));
        try testing.expectEqual(@as(usize, 0), (try poller.waitRecords(0)).len);
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
    const directory = outcome.of(linux.open("/", .{ .CLOEXEC = true }, 0));
    try testing.expect(directory >= 0);
    defer _ = linux.close(directory);

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
    try testing.expectEqual(@as(i32, 0), backend.wake(poller.state.wake_fd));
}

test "a reset keeps the number, the wake and the outer fd, and ends a ghost" {
    var poller: TestPoller = .{};
    try poller.init(false);
    defer poller.deinit();
    const reader, const writer = poller.pipe_fds;
    const outer_fd = backend.expose(&poller.state);
    try testing.expect(outer_fd >= 0);
    try testing.expectEqual(outer_fd, backend.expose(&poller.state));

    const ghost = outcome.of(linux.dup(reader));
    try testing.expectEqual(@as(i32, 0), backend.add(&poller.state, ghost, word_read));
    _ = linux.close(ghost);
    _ = linux.write(writer, "x", 1);
    try testing.expectEqual(@as(i32, 0), backend.remove(&poller.state, ghost));
    try testing.expectEqual(@as(usize, 1), (try poller.waitRecords(0)).len);

    const number = poller.state.poller_fd;
    try testing.expectEqual(@as(i32, 0), backend.reset(&poller.state));
    try testing.expectEqual(number, poller.state.poller_fd);
    try testing.expectEqual(@as(usize, 0), (try poller.waitRecords(0)).len);

    try testing.expectEqual(@as(i32, 0), backend.add(&poller.state, reader, word_read));
    var event: [1]backend.Event = undefined;
    try testing.expectEqual(@as(usize, 1), linux.epoll_wait(outer_fd, &event, 1, 0));
    try testing.expectEqual(@as(i32, 0), backend.wake(poller.state.wake_fd));
    try testing.expectEqual(@as(usize, 1), (try poller.waitRecords(0)).len);
}
