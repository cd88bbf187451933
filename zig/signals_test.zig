//! Signals as a process gets them, through the listeners alone.

const std = @import("std");
const testing = std.testing;

const abi = @import("abi.zig");
const outcome = @import("outcome.zig");
const poller = @import("poller.zig").backend;
const signals = @import("signals.zig");
const system = @import("system.zig");
const calls = system.calls;
const Action = calls.Sigaction;

/// No other test, and nothing of Zig's runner, uses these.
const number_a: u32 = @intFromEnum(calls.SIG.USR1);
const number_b: u32 = @intFromEnum(calls.SIG.USR2);

const TestListener = struct {
    state: abi.State = undefined,
    fd: i32 = -1,
    counts: [signals.numbers_max]u32 = @splat(0),

    fn init(listener: *TestListener) !void {
        try testing.expectEqual(@as(i32, 0), poller.open(&listener.state, false));
        listener.fd = signals.open(&listener.state);
        try testing.expect(listener.fd >= 0);
    }

    fn deinit(listener: *TestListener) void {
        signals.close(&listener.state);
        poller.close(&listener.state);
    }
};

fn raise(number: u32) void {
    const pid = if (system.on_macos) std.c.getpid() else calls.getpid();
    _ = calls.kill(pid, @enumFromInt(number));
}

test "a signal is counted for every loop that asks for it, and its fd becomes readable" {
    var a: TestListener = .{};
    var b: TestListener = .{};
    try a.init();
    defer a.deinit();
    try b.init();
    defer b.deinit();
    try testing.expectEqual(@as(i32, 0), signals.add(&a.state, number_a, true));
    try testing.expectEqual(@as(i32, 0), signals.add(&b.state, number_a, true));
    try testing.expectEqual(@as(i32, 0), signals.add(&b.state, number_b, true));
    raise(number_a);
    raise(number_b);
    raise(number_a);
    signals.take(&a.state, &a.counts);
    signals.take(&b.state, &b.counts);
    try testing.expectEqual([2]u32{ 2, 0 }, [2]u32{ a.counts[number_a], a.counts[number_b] });
    try testing.expectEqual([2]u32{ 2, 1 }, [2]u32{ b.counts[number_a], b.counts[number_b] });
    var byte: [1]u8 = undefined;
    try testing.expectEqual(outcome.failure(.AGAIN), outcome.of(calls.read(a.fd, &byte, 1)));
}

test "what a signal did before comes back with the last loop that asked for it" {
    const Replaced = struct {
        var called_count: u32 = 0;
        fn call(_: calls.SIG) callconv(.c) void {
            called_count += 1;
        }
    };
    const before: Action = .{
        .handler = .{ .handler = Replaced.call },
        .mask = std.mem.zeroes(calls.sigset_t),
        .flags = 0,
    };
    var original: Action = undefined;
    try testing.expectEqual(@as(i32, 0), system.signalAction(number_a, &before, &original));
    defer _ = system.signalAction(number_a, &original, null);

    var a: TestListener = .{};
    try a.init();
    try testing.expectEqual(@as(i32, 0), signals.add(&a.state, number_a, true));
    raise(number_a);
    try testing.expectEqual(@as(u32, 1), Replaced.called_count);
    signals.chain(false);
    raise(number_a);
    try testing.expectEqual(@as(u32, 1), Replaced.called_count);
    signals.chain(true);
    var counts: [signals.numbers_max]u32 = @splat(0);
    signals.takeUnheard(&counts);
    try testing.expectEqual(@as(u32, 1), counts[number_a]);
    signals.take(&a.state, &a.counts);
    try testing.expectEqual(@as(u32, 2), a.counts[number_a]);
    a.deinit();
    raise(number_a);
    try testing.expectEqual(@as(u32, 2), Replaced.called_count);
}

test "an action that was replaced is taken back, and only for who asks" {
    var a: TestListener = .{};
    try a.init();
    defer a.deinit();
    var original: Action = undefined;
    try testing.expectEqual(@as(i32, 0), system.signalAction(number_b, null, &original));
    defer _ = system.signalAction(number_b, &original, null);
    try testing.expectEqual(@as(i32, 0), signals.add(&a.state, number_b, true));

    var ignored = original;
    ignored.handler = .{ .handler = @ptrFromInt(1) };
    for ([_]u32{ 1, 0 }) |heard_count| {
        try testing.expectEqual(@as(i32, 0), system.signalAction(number_b, &ignored, null));
        try testing.expectEqual(@as(i32, 0), signals.renew(number_b));
        raise(number_b);
        @memset(&a.counts, 0);
        signals.take(&a.state, &a.counts);
        try testing.expectEqual(heard_count, a.counts[number_b]);
        try testing.expect(signals.remove(&a.state, number_b, false));
    }
}

test "a signal is given back by the last that asks for it" {
    var a: TestListener = .{};
    try a.init();
    defer a.deinit();
    var b: TestListener = .{};
    try b.init();
    defer b.deinit();
    try testing.expectEqual(@as(i32, 0), signals.add(&a.state, number_a, true));
    try testing.expectEqual(@as(i32, 0), signals.add(&b.state, number_a, true));
    try testing.expect(!signals.remove(&a.state, number_a, false));
    try testing.expect(signals.remove(&b.state, number_a, false));
}

test "what cannot be handled is refused" {
    var a: TestListener = .{};
    try a.init();
    defer a.deinit();
    for ([_]calls.SIG{ .KILL, .STOP }) |signal| {
        const refused = signals.add(&a.state, @intFromEnum(signal), true);
        try testing.expectEqual(outcome.failure(.INVAL), refused);
    }
}
