//! What lets Bun's loop host one of ours: it watches where the loop would wait, and sends a byte
//! through a socket that Bun watches. The byte carries nothing: the loop looks for itself.
//!
//!   loop's thread   arm ....... Bun's own work ........ byte, turn ... arm
//!   messenger           polls or waits on the outer queue ... byte
//!
//! The messenger is the kernel itself where it can be, else a thread. What each way to wake Bun
//! takes from idle, against a handler of Bun.connect's own (p50; Linux 6.18, Bun 1.4.5):
//!
//!                                 on free cores   on one core
//!   io_uring and a socket pair         1.27           1.17
//!   thread and a socket pair           1.92           1.27    a sleeping core has to wake for it
//!   thread and uv_async                1.69           1.33    in Workers it is the main thread's
//!   thread and a JSCallback            1.61           1.36    crashes at a Worker's terminate()
//!   thread and a Node-API callback     1.65           1.31    needs a module of its own

const std = @import("std");

const outcome = @import("outcome.zig");
const system = @import("system.zig");
const Ring = @import("watcher_ring.zig");
const Thread = @import("watcher_thread.zig");

const Watcher = @This();

const on_epoll = @import("build_options").backend == .epoll;

pub const Outer = if (on_epoll) @import("epoll_outer.zig") else @import("kqueue_outer.zig");

outer: Outer = .{},
poller_fd: i32 = -1,
/// This end of the socket pair.
bridge_fd: i32 = -1,
/// The other one, which Bun owns once it has taken it, and closes.
bun_fd: i32 = -1,
messenger: union(enum) { none, ring: Ring, thread: Thread } = .none,

/// Returns Bun's end of the bridge, or -errno. On failure nothing stays open or runs.
pub fn start(watcher: *Watcher, poller_fd: i32, force_thread: bool) i32 {
    watcher.* = .{ .poller_fd = poller_fd };
    const opened = watcher.outer.open(poller_fd);
    if (opened < 0) return opened;
    var fds: [2]i32 = undefined;
    const paired = system.socketpair(system.calls.SOCK.STREAM, &fds);
    if (paired < 0) {
        watcher.outer.close();
        return paired;
    }
    watcher.bridge_fd, watcher.bun_fd = fds;
    const engaged = watcher.engage(force_thread);
    if (engaged >= 0) return watcher.bun_fd;
    watcher.abandon();
    return engaged;
}

fn engage(watcher: *Watcher, force_thread: bool) i32 {
    if (on_epoll and !force_thread) {
        watcher.messenger = .{ .ring = .{} };
        if (watcher.messenger.ring.open() >= 0) return 0;
    }
    // Refused, or unknown here.
    watcher.messenger = .{ .thread = .{
        .outer = &watcher.outer,
        .bridge_fd = watcher.bridge_fd,
    } };
    const started = watcher.messenger.thread.start();
    if (started < 0) watcher.messenger = .none;
    return started;
}

/// Asks for a byte when the poller has events or `timeout_ns` has passed; null: no time at all.
pub fn arm(watcher: *Watcher, timeout_ns: ?u64) i32 {
    if (watcher.messenger == .thread) watcher.messenger.thread.arm();
    const armed = watcher.outer.arm(watcher.poller_fd, timeout_ns);
    if (armed < 0 or watcher.messenger != .ring) return armed;
    const asked = watcher.messenger.ring.arm(watcher.outer.fd, watcher.bridge_fd);
    if (asked >= 0) return asked;
    // ENOMEM, EAGAIN: the kernel has no room for requests. A thread needs none.
    watcher.messenger.ring.close();
    const engaged = watcher.engage(true);
    return if (engaged < 0) engaged else watcher.arm(timeout_ns);
}

pub fn owns(watcher: *const Watcher, fd: i32) bool {
    const in_ring = watcher.messenger == .ring and watcher.messenger.ring.fd == fd;
    return in_ring or watcher.bridge_fd == fd or watcher.outer.owns(fd);
}

/// The same as `end` where Bun may never have taken its end: a Worker can be terminated before.
pub fn abandon(watcher: *Watcher) void {
    const flags = system.msg_no_signal | system.calls.MSG.DONTWAIT;
    const sent = system.calls.sendto(watcher.bridge_fd, "!", 1, flags, null, 0);
    switch (outcome.errno(outcome.of(sent))) {
        // The end is closed, and its number may be another file's by now.
        .PIPE, .CONNRESET => {},
        // ENOBUFS, ENOMEM, EAGAIN: no room for the byte, in an end that is still open.
        else => system.close(watcher.bun_fd),
    }
    watcher.end();
}

/// Ends what was started, and waits for a thread's end. Bun closes its end of the bridge itself.
pub fn end(watcher: *Watcher) void {
    switch (watcher.messenger) {
        .none => {},
        .ring => |*ring| {
            // What is pending would be given up a moment later, when the bridge's number may be
            // another file's.
            if (watcher.outer.interrupt(watcher.bridge_fd)) ring.finish();
            ring.close();
        },
        .thread => |*thread| thread.end(),
    }
    system.close(watcher.bridge_fd);
    watcher.outer.close();
    watcher.* = .{};
}

const testing = std.testing;
const abi = @import("abi.zig");
const backend = @import("poller.zig").backend;
const files = @import("model_files_test.zig");

const TestWatch = struct {
    state: abi.State = undefined,
    watcher: Watcher = undefined,
    bun_fd: i32 = undefined,
    pipe_fds: [2]i32 = undefined,

    fn init(watch: *TestWatch, force_thread: bool) !void {
        try testing.expectEqual(@as(i32, 0), backend.open(&watch.state, false));
        try testing.expectEqual(@as(i32, 0), system.pipe(&watch.pipe_fds));
        const word: abi.Word = .{ .bits = .{ .read = true }, .generation = 1 };
        const added = backend.add(&watch.state, watch.pipe_fds[0], word);
        try testing.expectEqual(@as(i32, 0), added);
        watch.bun_fd = watch.watcher.start(watch.state.poller_fd, force_thread);
        try testing.expect(watch.bun_fd >= 0);
    }

    fn deinit(watch: *TestWatch) void {
        watch.watcher.end();
        system.close(watch.bun_fd);
        for (watch.pipe_fds) |fd| system.close(fd);
        backend.close(&watch.state);
    }

    fn arm(watch: *TestWatch, timeout_ns: ?u64) !void {
        const armed = watch.watcher.arm(timeout_ns);
        try testing.expectEqual(@as(i32, 0), armed);
    }

    /// How many bytes come within `limit_ms`.
    fn told(watch: *TestWatch, limit_ms: i32) !usize {
        const calls = system.calls;
        var polled = [_]calls.pollfd{
            .{ .fd = watch.bun_fd, .events = calls.POLL.IN, .revents = 0 },
        };
        if (outcome.of(calls.poll(&polled, 1, limit_ms)) <= 0) return 0;
        var bytes: [16]u8 = undefined;
        return @intCast(outcome.of(calls.read(watch.bun_fd, &bytes, bytes.len)));
    }
};

const soon_ms = 5000;
const never_ms = 30;

/// By the kernel, where it can be, and by a thread.
const ways = [_]bool{ false, true };

test "readiness is worth one byte for each arming, and stays in the poller" {
    if (!on_epoll) return;
    for (ways) |force_thread| {
        var watch: TestWatch = .{};
        try watch.init(force_thread);
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
}

test "time is told when it has passed, once, and not when it is taken back" {
    for (ways) |force_thread| {
        var watch: TestWatch = .{};
        try watch.init(force_thread);
        defer watch.deinit();
        try watch.arm(2 * std.time.ns_per_ms);
        try testing.expectEqual(@as(usize, 1), try watch.told(soon_ms));
        if (!on_epoll) continue;
        try testing.expectEqual(@as(usize, 0), try watch.told(never_ms));
        try watch.arm(10 * std.time.ns_per_ms);
        try watch.arm(null);
        try testing.expectEqual(@as(usize, 0), try watch.told(never_ms));
    }
}

test "a queue that takes the poller's place is watched like the first" {
    if (!on_epoll) return;
    for (ways) |force_thread| {
        var watch: TestWatch = .{};
        try watch.init(force_thread);
        defer watch.deinit();
        try watch.arm(null);
        try testing.expectEqual(@as(i32, 0), backend.reset(&watch.state));
        const word: abi.Word = .{ .bits = .{ .read = true }, .generation = 2 };
        const added = backend.add(&watch.state, watch.pipe_fds[0], word);
        try testing.expectEqual(@as(i32, 0), added);
        _ = outcome.of(system.calls.write(watch.pipe_fds[1], "x", 1));
        try watch.arm(null);
        // Armed twice, it may be told twice.
        try testing.expect(try watch.told(soon_ms) >= 1);
    }
}

test "a watcher ends, and tells nobody, after Bun has closed its end" {
    for (ways) |force_thread| {
        var watch: TestWatch = .{};
        try watch.init(force_thread);
        system.close(watch.bun_fd);
        try watch.arm(1);
        watch.watcher.end();
        for (watch.pipe_fds) |fd| system.close(fd);
        backend.close(&watch.state);
    }
}

test "an end that nobody has taken is closed too, and one that was closed is let be" {
    for (ways) |force_thread| {
        var watch: TestWatch = .{};
        try watch.init(force_thread);
        watch.watcher.abandon();
        try testing.expectEqual(outcome.failure(.BADF), system.closeChecked(watch.bun_fd));

        watch.bun_fd = watch.watcher.start(watch.state.poller_fd, force_thread);
        // Another file takes its number in the same moment, before libkqueue's thread can.
        try files.replace(watch.bun_fd, watch.pipe_fds[0]);
        watch.watcher.abandon();
        try testing.expectEqual(@as(i32, 0), system.closeChecked(watch.bun_fd));

        for (watch.pipe_fds) |fd| system.close(fd);
        backend.close(&watch.state);
    }
}

test "a watcher ends though somebody else has closed its timer" {
    if (!on_epoll) return;
    for (ways) |force_thread| {
        var watch: TestWatch = .{};
        try watch.init(force_thread);
        defer watch.deinit();
        try watch.arm(null);
        system.close(watch.watcher.outer.timer_fd);
    }
}
