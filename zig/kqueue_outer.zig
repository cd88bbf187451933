//! A queue around a poller's queue, and a timer, for the thread that waits for the poller's events
//! without taking them. The loop arms it from its own thread while the other waits. libkqueue's own
//! queues cannot be watched: there, for tests, every arming ends a moment later.
//!
//! The inner queue is dispatched: told once, then disabled until it is armed again. XNU goes on
//! telling of an inner queue until that is waited on once more, which the loop does in each turn.

const std = @import("std");

const calls = @import("kqueue_calls.zig");
const records = @import("kqueue_records.zig");
const system = @import("system.zig");
const Event = records.Event;
const Filter = records.Filter;
const Flag = records.Flag;

const Outer = @This();

fd: i32 = -1,

const can_watch_queues = system.on_macos;
const moment_ns = std.time.ns_per_ms;
const timer_ident = 0;
const interrupt_ident = 1;

/// On failure nothing stays open.
pub fn open(outer: *Outer, poller_fd: i32) i32 {
    _ = poller_fd;
    outer.fd = calls.create();
    if (outer.fd < 0) return outer.fd;
    const watched = outer.change(.{
        .ident = interrupt_ident,
        .filter = Filter.user,
        .flags = Flag.add | Flag.clear,
    });
    if (watched < 0) outer.close();
    return watched;
}

pub fn close(outer: *Outer) void {
    if (outer.fd >= 0) system.close(outer.fd);
    outer.fd = -1;
}

pub fn owns(outer: *const Outer, fd: i32) bool {
    return fd == outer.fd;
}

/// Has one wait end when the poller has events, at once where it has them already, and when
/// `timeout_ns` has passed; null: no timer.
pub fn arm(outer: *Outer, poller_fd: i32, timeout_ns: ?u64) i32 {
    if (!can_watch_queues) return outer.setTimer(@min(timeout_ns orelse moment_ns, moment_ns));
    const timed = outer.setTimer(timeout_ns);
    if (timed < 0) return timed;
    return outer.change(.{
        .ident = @intCast(poller_fd),
        .filter = Filter.read,
        .flags = Flag.add | Flag.enable | Flag.dispatch,
    });
}

/// A queue that is replaced is closed, and no child inherits one.
pub fn forget(outer: *Outer, poller_fd: i32) void {
    _ = .{ outer, poller_fd };
}

/// Ends the present wait, or the next one. False when somebody else has closed the queue.
pub fn interrupt(outer: *Outer, writable_fd: i32) bool {
    _ = writable_fd;
    return outer.change(.{
        .ident = interrupt_ident,
        .filter = Filter.user,
        .flags = 0,
        .fflags = records.Note.trigger,
    }) == 0;
}

/// Waits for what was armed.
pub fn wait(outer: *Outer) void {
    var events: [3]Event = undefined;
    // EINTR is as good as an event: whoever is woken for nothing arms again.
    _ = calls.wait(outer.fd, &events, null);
}

fn setTimer(outer: *Outer, timeout_ns: ?u64) i32 {
    const flags = if (timeout_ns == null) Flag.delete else Flag.add | Flag.one_shot;
    return outer.change(.{
        .ident = timer_ident,
        .filter = Filter.timer,
        .flags = flags,
        .fflags = records.Note.nanoseconds,
        .data = @intCast(timeout_ns orelse 0),
    });
}

fn change(outer: *Outer, event: Event) i32 {
    var with_receipt = event;
    with_receipt.flags |= Flag.receipt;
    const changed = calls.submit(outer.fd, &[_]Event{with_receipt});
    return if (changed < 0) changed else 0;
}
