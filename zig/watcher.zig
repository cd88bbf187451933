//! The thread that lets Bun's loop host one of ours: it waits where the loop would, and sends a byte
//! through a socket that Bun watches. It takes no event and reads nothing of JavaScript's, so it may
//! go on while a Worker is torn down around it.
//!
//!   loop's thread   arm ........ Bun's own work ........ byte, turn ..., arm
//!   this thread         waits in the outer queue ... byte       waits ...
//!
//! One arming is worth one byte at most: while the loop is awake it takes its turns by itself.

const std = @import("std");
const assert = std.debug.assert;

const outcome = @import("outcome.zig");
const system = @import("system.zig");
const threads = @import("threads.zig");
const Outer = switch (@import("build_options").backend) {
    .epoll => @import("epoll_outer.zig"),
    .kqueue => @import("kqueue_outer.zig"),
};

const Watcher = @This();

outer: Outer = .{},
/// This end of the socket pair; Bun owns the other one.
bridge_fd: i32 = -1,
thread: threads.Thread = undefined,
armed: std.atomic.Value(bool) = .init(false),
ending: std.atomic.Value(bool) = .init(false),

/// Returns Bun's end of the bridge, or -errno. On failure nothing stays open or runs.
pub fn start(watcher: *Watcher, poller_fd: i32) i32 {
    watcher.* = .{};
    const opened = watcher.outer.open(poller_fd);
    if (opened < 0) return opened;
    var fds: [2]i32 = undefined;
    const paired = system.socketpair(system.calls.SOCK.STREAM, &fds);
    if (paired < 0) {
        watcher.outer.close();
        return paired;
    }
    watcher.bridge_fd = fds[0];
    const spawned = threads.spawn(&watcher.thread, &main, watcher);
    if (spawned < 0) {
        system.close(fds[1]);
        watcher.close();
        return spawned;
    }
    return fds[1];
}

/// Asks for a byte when the poller has events or `timeout_ns` has passed; null: no time at all.
pub fn arm(watcher: *Watcher, poller_fd: i32, timeout_ns: ?u64) i32 {
    // First, so that no event after it goes untold; one before it costs a byte too many.
    watcher.armed.store(true, .seq_cst);
    return watcher.outer.arm(poller_fd, timeout_ns);
}

/// Ends the thread and waits for its end. Bun closes its end of the bridge itself.
pub fn end(watcher: *Watcher) void {
    assert(!watcher.ending.load(.monotonic));
    watcher.ending.store(true, .seq_cst);
    watcher.outer.interrupt();
    threads.join(watcher.thread);
    watcher.close();
}

fn close(watcher: *Watcher) void {
    system.close(watcher.bridge_fd);
    watcher.bridge_fd = -1;
    watcher.outer.close();
}

fn main(argument: ?*anyopaque) callconv(.c) ?*anyopaque {
    const watcher: *Watcher = @ptrCast(@alignCast(argument));
    while (true) {
        watcher.outer.wait();
        if (watcher.ending.load(.seq_cst)) return null;
        if (watcher.armed.swap(false, .seq_cst)) watcher.tell();
    }
}

fn tell(watcher: *Watcher) void {
    const flags = system.msg_no_signal | system.calls.MSG.DONTWAIT;
    while (true) {
        const sent = outcome.of(system.calls.sendto(watcher.bridge_fd, "!", 1, flags, null, 0));
        // Where Bun has closed its end, or never reads, nobody is left to be told.
        if (outcome.errno(sent) != .INTR) return;
    }
}

const testing = std.testing;
const abi = @import("abi.zig");
const backend = @import("poller.zig").backend;

const TestWatch = struct {
    state: abi.State = undefined,
    watcher: Watcher = undefined,
    bun_fd: i32 = undefined,
    pipe_fds: [2]i32 = undefined,

    fn init(watch: *TestWatch) !void {
        try testing.expectEqual(@as(i32, 0), backend.open(&watch.state, false));
        try testing.expectEqual(@as(i32, 0), system.pipe(&watch.pipe_fds));
        const word: abi.Word = .{ .bits = .{ .read = true }, .generation = 1 };
        const added = backend.add(&watch.state, watch.pipe_fds[0], word);
        try testing.expectEqual(@as(i32, 0), added);
        watch.bun_fd = watch.watcher.start(watch.state.poller_fd);
        try testing.expect(watch.bun_fd >= 0);
    }

    fn deinit(watch: *TestWatch) void {
        watch.watcher.end();
        system.close(watch.bun_fd);
        for (watch.pipe_fds) |fd| system.close(fd);
        backend.close(&watch.state);
    }

    fn arm(watch: *TestWatch, timeout_ns: ?u64) !void {
        const armed = watch.watcher.arm(watch.state.poller_fd, timeout_ns);
        try testing.expectEqual(@as(i32, 0), armed);
    }

    /// How many bytes come within `limit_ms`.
    fn told(watch: *TestWatch, limit_ms: i32) !usize {
        const calls = system.calls;
        var polled = [_]calls.pollfd{.{ .fd = watch.bun_fd, .events = calls.POLL.IN, .revents = 0 }};
        if (outcome.of(calls.poll(&polled, 1, limit_ms)) <= 0) return 0;
        var bytes: [16]u8 = undefined;
        return @intCast(outcome.of(calls.read(watch.bun_fd, &bytes, bytes.len)));
    }
};

const soon_ms = 5000;
const never_ms = 30;

test "readiness is worth one byte for each arming, and stays in the poller" {
    if (@import("build_options").backend == .kqueue) return;
    var watch: TestWatch = .{};
    try watch.init();
    defer watch.deinit();
    try testing.expectEqual(@as(usize, 0), try watch.told(never_ms));
    try watch.arm(null);
    try testing.expectEqual(@as(usize, 0), try watch.told(never_ms));
    _ = outcome.of(system.calls.write(watch.pipe_fds[1], "x", 1));
    try testing.expectEqual(@as(usize, 1), try watch.told(soon_ms));
    _ = outcome.of(system.calls.write(watch.pipe_fds[1], "x", 1));
    try testing.expectEqual(@as(usize, 0), try watch.told(never_ms));

    var batch: [2 * abi.batch_entry_bytes]u8 align(8) = undefined;
    try testing.expectEqual(@as(i32, 1), backend.wait(&watch.state, &batch, 2, 0));
    // What is ready already is told at once.
    try watch.arm(null);
    try testing.expectEqual(@as(usize, 1), try watch.told(soon_ms));
}

test "time is told when it has passed, once, and not when it is taken back" {
    var watch: TestWatch = .{};
    try watch.init();
    defer watch.deinit();
    try watch.arm(2 * std.time.ns_per_ms);
    try testing.expectEqual(@as(usize, 1), try watch.told(soon_ms));
    if (@import("build_options").backend == .kqueue) return;
    try testing.expectEqual(@as(usize, 0), try watch.told(never_ms));
    try watch.arm(10 * std.time.ns_per_ms);
    try watch.arm(null);
    try testing.expectEqual(@as(usize, 0), try watch.told(never_ms));
}

test "a queue that takes the poller's place is watched like the first" {
    if (@import("build_options").backend == .kqueue) return;
    var watch: TestWatch = .{};
    try watch.init();
    defer watch.deinit();
    try watch.arm(null);
    try testing.expectEqual(@as(i32, 0), backend.reset(&watch.state));
    const word: abi.Word = .{ .bits = .{ .read = true }, .generation = 2 };
    const added = backend.add(&watch.state, watch.pipe_fds[0], word);
    try testing.expectEqual(@as(i32, 0), added);
    _ = outcome.of(system.calls.write(watch.pipe_fds[1], "x", 1));
    try watch.arm(null);
    try testing.expectEqual(@as(usize, 1), try watch.told(soon_ms));
}

test "a watcher ends, and tells nobody, after Bun has closed its end" {
    var watch: TestWatch = .{};
    try watch.init();
    system.close(watch.bun_fd);
    try watch.arm(1);
    watch.watcher.end();
    for (watch.pipe_fds) |fd| system.close(fd);
    backend.close(&watch.state);
}
