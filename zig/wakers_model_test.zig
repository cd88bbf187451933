//! The table of wakers beside a list of who has which number.

const std = @import("std");
const testing = std.testing;

const abi = @import("abi.zig");
const Choices = @import("choices.zig");
const poller = @import("poller.zig").backend;
const wakers = @import("wakers.zig");

const loops_count = 3;
const wakers_max = 12;

const Waker = struct { id: f64, loop: usize, pending: bool = false };

/// The same all the time: libkqueue closes the fds behind a queue later, whoever has them by then.
var states: [loops_count]abi.State = @splat(.{});

const World = struct {
    /// Loops whose wait has a wake to end it.
    woken: [loops_count]bool = @splat(false),
    open: [wakers_max]?Waker = @splat(null),
    /// Numbers that name nobody any more.
    used: [64]f64 = @splat(std.math.nan(f64)),
    used_count: usize = 0,

    fn step(world: *World, choices: Choices) !void {
        const loop = choices.lessThan(u8, loops_count);
        const at = choices.lessThan(u8, wakers_max);
        switch (choices.lessThan(u8, 16)) {
            0...3 => try world.openAt(at, loop),
            4...7 => if (world.open[at]) |*waker| {
                try testing.expect(wakers.wake(waker.id));
                // A wake that the waker's own loop has not looked at yet adds nothing.
                if (!waker.pending) world.woken[waker.loop] = true;
                waker.pending = true;
            },
            8...10 => if (world.open[at]) |*waker| {
                try testing.expectEqual(waker.pending, wakers.take(waker.id));
                waker.pending = false;
            },
            11, 12 => try world.wait(loop),
            13 => try world.close(at),
            14 => if (choices.lessThan(u8, 8) == 0) world.closeLoop(loop),
            else => try world.expectNobody(choices),
        }
    }

    fn openAt(world: *World, at: usize, loop: usize) !void {
        if (world.open[at] != null) return;
        var id: f64 = undefined;
        try testing.expectEqual(@as(i32, 0), wakers.open(&states[loop], &id));
        for (world.open) |other| if (other) |waker| try testing.expect(waker.id != id);
        for (world.used[0..world.used_count]) |used| try testing.expect(used != id);
        world.open[at] = .{ .id = id, .loop = loop };
    }

    /// A wake ends one wait, however many there were.
    fn wait(world: *World, loop: usize) !void {
        const state = &states[loop];
        var batch: [abi.batch_entry_bytes]u8 align(8) = undefined;
        try testing.expectEqual(@as(i32, 0), poller.wait(state, &batch, 1, 0));
        try testing.expectEqual(world.woken[loop], state.woken == 1);
        world.woken[loop] = false;
    }

    fn close(world: *World, at: usize) !void {
        const waker = world.open[at] orelse return;
        try testing.expect(wakers.close(waker.id));
        world.forget(at);
    }

    fn closeLoop(world: *World, loop: usize) void {
        wakers.closeAll(&states[loop]);
        for (world.open, 0..) |waker, at| {
            if (waker != null and waker.?.loop == loop) world.forget(at);
        }
    }

    fn forget(world: *World, at: usize) void {
        world.used[world.used_count % world.used.len] = world.open[at].?.id;
        world.used_count = @min(world.used_count + 1, world.used.len - 1);
        world.open[at] = null;
    }

    /// A used number does nothing, whoever has its cell now; nor does one that nobody was given.
    fn expectNobody(world: *World, choices: Choices) !void {
        const near = world.open[choices.lessThan(u8, wakers_max)];
        const bits = choices.int(u64);
        const id: f64 = switch (choices.lessThan(u8, 5)) {
            0 => if (near) |waker| waker.id + 0.25 else 0.5,
            // The same cell at another time.
            1 => if (near) |waker| waker.id + 16_384 else -1,
            2 => @bitCast(bits),
            3 => @floatFromInt(bits >> 18),
            else => world.used[choices.lessThan(u8, @intCast(@max(world.used_count, 1)))],
        };
        for (world.open) |other| if (other) |waker| if (waker.id == id) return;
        try testing.expect(!wakers.wake(id));
        try testing.expect(!wakers.take(id));
        try testing.expect(!wakers.close(id));
    }
};

fn check(choices: Choices) !void {
    var world: World = .{};
    for (&states) |*state| {
        if (state.poller_fd < 0) try testing.expectEqual(@as(i32, 0), poller.open(state, false));
    }
    while (choices.more(400)) try world.step(choices);
    for (&states, 0..) |*state, loop| {
        wakers.closeAll(state);
        try world.wait(loop);
    }
}

test "a waker's number wakes its loop alone, once, while it is open" {
    defer for (&states) |*state| {
        wakers.closeAll(state);
        poller.close(state);
    };
    try Choices.repeat(check, 10);
}
