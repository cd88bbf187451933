//! What one loop has in the library: its poller's state, and what else must end with it. It lies in a
//! page of its own, which outlives the JavaScript around it: a Worker that is terminated runs no
//! clean-up, and its thread does this one at its end.

const std = @import("std");
const assert = std.debug.assert;

const abi = @import("abi.zig");
const outcome = @import("outcome.zig");
const poller = @import("poller.zig").backend;
const signals = @import("signals.zig");
const system = @import("system.zig");
const threads = @import("threads.zig");
const wakers = @import("wakers.zig");
const Watcher = @import("watcher.zig");

const Loop = @This();

/// TypeScript has a view of it.
state: abi.State,
watcher: ?Watcher = null,
/// Fds that were opened for the loop. Those beyond are closed by JavaScript alone.
owned: [owned_max]i32 = undefined,
owned_count: u32 = 0,
/// The thread's other loops.
next: ?*Loop = null,
previous: ?*Loop = null,

const owned_max = 512;

comptime {
    assert(@sizeOf(Loop) <= system.page_bytes);
}

/// The thread's loops, the newest first.
const belongings = threads.Belongings(Loop, closeAll);

/// Returns 0 or -errno.
pub fn open(opened: *?*Loop, force_timeout_ms: bool) i32 {
    opened.* = null;
    const page = system.mapPage() orelse return outcome.failure(.NOMEM);
    const loop: *Loop = @ptrCast(page);
    loop.* = .{ .state = undefined };
    const result = poller.open(&loop.state, force_timeout_ms);
    if (result < 0) {
        system.unmapPage(loop);
        return result;
    }
    loop.next = belongings.get();
    if (loop.next) |next| next.previous = loop;
    belongings.set(loop);
    opened.* = loop;
    return 0;
}

/// Null for what stands in for the state of a closed loop, which is JavaScript's own memory.
pub fn of(state: *abi.State) ?*Loop {
    if (state.poller_fd < 0) return null;
    return @alignCast(@fieldParentPtr("state", state));
}

/// Ends everything of the loop, in its own thread; nothing of it may be used any more.
pub fn close(loop: *Loop) void {
    if (loop.previous) |previous| previous.next = loop.next else belongings.set(loop.next);
    if (loop.next) |next| next.previous = loop.previous;
    loop.unwatch(false);
    loop.free();
}

fn closeAll(newest: *Loop) void {
    var left: ?*Loop = newest;
    while (left) |loop| {
        left = loop.next;
        loop.unwatch(true);
        loop.free();
    }
}

fn free(loop: *Loop) void {
    wakers.closeAll(&loop.state);
    signals.close(&loop.state);
    for (loop.owned[0..loop.owned_count]) |fd| system.close(fd);
    poller.close(&loop.state);
    system.unmapPage(loop);
}

/// Has `fd` closed with the loop.
pub fn own(loop: *Loop, fd: i32) void {
    if (loop.owned_count == owned_max) return;
    loop.owned[loop.owned_count] = fd;
    loop.owned_count += 1;
}

/// Leaves `fd` to the caller again.
pub fn disown(loop: *Loop, fd: i32) void {
    const held = loop.owned[0..loop.owned_count];
    const at = std.mem.indexOfScalar(i32, held, fd) orelse return;
    held[at] = held[held.len - 1];
    loop.owned_count -= 1;
}

/// Replaces the poller's queue by an empty one; -errno: the old one stays. Whoever watches does so
/// again from the next arming on.
pub fn reset(loop: *Loop) i32 {
    if (loop.watcher) |*watcher| watcher.outer.forget(loop.state.poller_fd);
    return poller.reset(&loop.state);
}

/// Has somebody watch for this loop. Returns Bun's end of the bridge, or -errno.
pub fn watch(loop: *Loop, force_thread: bool) i32 {
    if (loop.watcher != null) return outcome.failure(.BUSY);
    loop.watcher = .{};
    const bridge_fd = loop.watcher.?.start(loop.state.poller_fd, force_thread);
    if (bridge_fd < 0) loop.watcher = null;
    return bridge_fd;
}

/// Whether `fd` is one by which somebody watches for this loop: a handler's number may have come to
/// be that, when its file was closed, and the loop would watch itself.
pub fn isWatchedBy(loop: *const Loop, fd: i32) bool {
    const watcher = if (loop.watcher) |*watcher| watcher else return false;
    return watcher.owns(fd);
}

/// Asks for the byte; EINVAL when nobody watches.
pub fn arm(loop: *Loop, timeout_ns: ?u64) i32 {
    const watcher = if (loop.watcher) |*watcher| watcher else return outcome.failure(.INVAL);
    // Over kqueue `reset` gives the queue another number.
    watcher.poller_fd = loop.state.poller_fd;
    return watcher.arm(timeout_ns);
}

/// `abandoned`: Bun may not have taken its end of the bridge.
pub fn unwatch(loop: *Loop, abandoned: bool) void {
    if (loop.watcher) |*watcher| if (abandoned) watcher.abandon() else watcher.end();
    loop.watcher = null;
}

test "what stands in for the state of a closed loop is no loop" {
    var state: abi.State = .{};
    state.poller_fd = -1;
    try std.testing.expectEqual(@as(?*Loop, null), of(&state));
}

test "a thread that ends leaves nothing of its loops behind, and tells their wakers' users" {
    const Test = struct {
        const Ends = struct { fds: [5]i32, waker: f64 };

        fn main(argument: ?*anyopaque) callconv(.c) ?*anyopaque {
            const ends: *Ends = @ptrCast(@alignCast(argument));
            var loops: [2]?*Loop = undefined;
            for (&loops) |*loop| assert(open(loop, false) == 0);
            const first = loops[0].?;
            const bun_fd = first.watch(true);
            assert(bun_fd >= 0);
            assert(wakers.open(&first.state, &ends.waker) == 0);
            ends.fds = .{
                first.state.poller_fd,
                loops[1].?.state.poller_fd,
                first.watcher.?.bridge_fd,
                signals.open(&first.state),
                bun_fd,
            };
            return null;
        }
    };
    var ends: Test.Ends = undefined;
    var thread: threads.Thread = undefined;
    try std.testing.expectEqual(@as(i32, 0), threads.spawn(&thread, &Test.main, &ends));
    threads.join(thread);
    for (ends.fds) |fd| {
        try std.testing.expectEqual(outcome.failure(.BADF), system.closeChecked(fd));
    }
    try std.testing.expect(!wakers.wake(ends.waker));
}
