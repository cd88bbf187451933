//! Signals for loops: an action that counts for every loop that listens and writes a byte to its pipe,
//! which the loop watches like any fd. Actions are one per process by nature, and so is this table;
//! Bun sets actions too, and the later one wins.
//!
//! - Nothing but atomics and `write` in the action: it may interrupt any thread anywhere.
//! - Bun takes SA_SIGINFO from our action at times, so the action uses its first argument alone.
//! - signalfd is no way: Bun's other threads leave the signals unblocked.
//! - SA_RESTART does not restart waits; other threads' reads it does.

const std = @import("std");
const assert = std.debug.assert;

const abi = @import("abi.zig");
const outcome = @import("outcome.zig");
const system = @import("system.zig");
const threads = @import("threads.zig");
const calls = system.calls;
const Action = calls.Sigaction;
const Function = Action.handler_fn;

/// Numbers are below this; 0 is none.
pub const numbers_max = 65;
const listeners_max = 256;

const Listener = struct {
    state: ?*abi.State = null,
    /// The end that the loop watches.
    reader_fd: i32 = 0,
    /// One more than the end that the action writes to; 0 when nobody listens. What is all zeros
    /// takes no room in the file.
    writer_fd_next: std.atomic.Value(i32) = .init(0),
    /// One bit for each signal that is asked for.
    asked: std.atomic.Value(u64) = .init(0),
    counts: [numbers_max]std.atomic.Value(u32) = @splat(.init(0)),

    fn asks(listener: *const Listener, number: u32) bool {
        return listener.asked.load(.seq_cst) & bit(number) != 0;
    }
};

/// What a signal did before ours, and does beside it where it is a plain function.
const Before = struct {
    action: Action = std.mem.zeroes(Action),
    /// A function's address; 0: there is none.
    chained: std.atomic.Value(usize) = .init(0),
    installed: bool = false,
};

/// For everybody but the action.
var lock: threads.Lock = .{};
var listeners: [listeners_max]Listener = @splat(.{});
var befores: [numbers_max]Before = @splat(.{});
/// Actions that run now, in whatever thread.
var acting_count: std.atomic.Value(u32) = .init(0);
/// Whether the actions leave out what they replaced, and count how often they did: while the main
/// thread cannot hear of it from Bun.
var unchained: std.atomic.Value(bool) = .init(false);
var unheard: [numbers_max]std.atomic.Value(u32) = @splat(.init(0));

/// Makes the loop a listener. Returns the fd to watch, or -errno; -ENOSPC when there are too many.
pub fn open(state: *abi.State) i32 {
    lock.take();
    defer lock.release();
    if (find(state)) |listener| return listener.reader_fd;
    const listener = for (&listeners) |*candidate| {
        if (candidate.state == null) break candidate;
    } else return outcome.failure(.NOSPC);
    var fds: [2]i32 = undefined;
    const made = system.pipe(&fds);
    if (made < 0) return made;
    listener.* = .{ .state = state };
    listener.reader_fd = fds[0];
    listener.writer_fd_next.store(fds[1] + 1, .seq_cst);
    return fds[0];
}

/// Ends the loop's listening, and closes its fd.
pub fn close(state: *abi.State) void {
    lock.take();
    defer lock.release();
    const listener = find(state) orelse return;
    const asked = listener.asked.swap(0, .seq_cst);
    const writer_fd = listener.writer_fd_next.swap(0, .seq_cst) - 1;
    for (1..numbers_max) |number| {
        if (asked & bit(@intCast(number)) != 0) _ = restoreUnlessAsked(@intCast(number));
    }
    awaitActions();
    system.close(writer_fd);
    system.close(listener.reader_fd);
    listener.state = null;
}

/// Delivers a signal to the loop, which `open` made a listener, from now on: what came for somebody else
/// before is not counted any more. Returns 0 or -errno: EINVAL for what cannot be handled.
pub fn add(state: *abi.State, number: u32, from_now: bool) i32 {
    assert(number > 0 and number < numbers_max);
    lock.take();
    defer lock.release();
    const listener = find(state) orelse return outcome.failure(.BADF);
    const asked = listener.asked.fetchOr(bit(number), .seq_cst);
    if (from_now) listener.counts[number].store(0, .seq_cst);
    const installed = install(number);
    if (installed < 0) listener.asked.store(asked, .seq_cst);
    return installed;
}

/// Takes the action back after Bun has set one of its own, if any loop of the process asks for it.
pub fn renew(number: u32) i32 {
    assert(number > 0 and number < numbers_max);
    lock.take();
    defer lock.release();
    for (&listeners) |*listener| {
        if (listener.asks(number)) return install(number);
    }
    return 0;
}

/// The last loop's removal brings back what was there before; `forgotten`: that is Bun's, and nobody
/// listens to it any more, so the default comes back. Returns whether it was the last one's.
pub fn remove(state: *abi.State, number: u32, forgotten: bool) bool {
    assert(number > 0 and number < numbers_max);
    lock.take();
    defer lock.release();
    const listener = find(state) orelse return false;
    _ = listener.asked.fetchAnd(~bit(number), .seq_cst);
    if (forgotten) befores[number].action.handler = .{ .handler = null };
    const last = restoreUnlessAsked(number);
    // An action that has seen the bit still counts.
    awaitActions();
    listener.counts[number].store(0, .seq_cst);
    return last;
}

/// Adds what has come since the last time to `counts`, and empties the pipe.
pub fn take(state: *abi.State, counts: *[numbers_max]u32) void {
    lock.take();
    defer lock.release();
    const listener = find(state) orelse return;
    var bytes: [256]u8 = undefined;
    // First, so that a signal that comes meanwhile is told of again rather than never.
    while (outcome.of(calls.read(listener.reader_fd, &bytes, bytes.len)) == bytes.len) {}
    for (counts, &listener.counts) |*count, *pending| count.* +|= pending.swap(0, .seq_cst);
}

/// Whether actions also call what they replaced; if not, somebody serves it who takes what is unheard.
pub fn chain(on: bool) void {
    unchained.store(!on, .seq_cst);
}

/// Adds how often each signal came, since the last time, that was unchained then.
pub fn takeUnheard(counts: *[numbers_max]u32) void {
    // One that was unchained when it came must have been counted.
    awaitActions();
    for (counts, &unheard) |*count, *pending| count.* +|= pending.swap(0, .seq_cst);
}

fn bit(number: u32) u64 {
    return @as(u64, 1) << @intCast(number - 1);
}

fn find(state: *abi.State) ?*Listener {
    return for (&listeners) |*listener| {
        if (listener.state == state) break listener;
    } else null;
}

fn install(number: u32) i32 {
    var current: Action = undefined;
    const read = system.signalAction(number, null, &current);
    if (read < 0) return read;
    if (address(&current) == @intFromPtr(&act)) return 0;
    const before = &befores[number];
    before.action = current;
    before.chained.store(chainable(&current), .seq_cst);
    const ours: Action = .{
        .handler = .{ .handler = act },
        .mask = std.mem.zeroes(calls.sigset_t),
        .flags = calls.SA.RESTART | calls.SA.ONSTACK,
    };
    const written = system.signalAction(number, &ours, null);
    before.installed = written >= 0;
    return written;
}

/// False when a loop still asks for it.
fn restoreUnlessAsked(number: u32) bool {
    for (&listeners) |*listener| {
        if (listener.asks(number)) return false;
    }
    const before = &befores[number];
    var current: Action = undefined;
    if (!before.installed or system.signalAction(number, null, &current) < 0) return true;
    before.installed = false;
    // Where Bun has set its own since, what ours replaced is over.
    if (address(&current) == @intFromPtr(&act)) {
        _ = system.signalAction(number, &before.action, null);
    }
    return true;
}

fn address(action: *const Action) usize {
    return @intFromPtr(action.handler.handler);
}

/// The address of what can be called with the number alone, else 0: "default" is 0 and "ignore" is 1.
fn chainable(action: *const Action) usize {
    const plain = action.flags & calls.SA.SIGINFO == 0;
    return if (plain and address(action) > 1) address(action) else 0;
}

fn act(signal: calls.SIG) callconv(.c) void {
    const saved_errno = system.saveErrno();
    defer system.restoreErrno(saved_errno);
    _ = acting_count.fetchAdd(1, .seq_cst);
    defer _ = acting_count.fetchSub(1, .seq_cst);
    const number: u32 = @intCast(@intFromEnum(signal));
    // Before the byte, so that whoever reads it finds the count.
    const heard = !unchained.load(.seq_cst);
    if (!heard) _ = unheard[number].fetchAdd(1, .seq_cst);
    for (&listeners) |*listener| {
        if (!listener.asks(number)) continue;
        const writer_fd = listener.writer_fd_next.load(.seq_cst) - 1;
        if (writer_fd < 0) continue;
        _ = listener.counts[number].fetchAdd(1, .seq_cst);
        // A full pipe is told of already.
        _ = calls.write(writer_fd, "!", 1);
    }
    const chained = befores[number].chained.load(.seq_cst);
    if (heard and chained != 0) @as(Function, @ptrFromInt(chained))(signal);
}

/// Until no action can hold the number of a pipe that was taken from it.
fn awaitActions() void {
    while (acting_count.load(.seq_cst) != 0) threads.pause();
}
