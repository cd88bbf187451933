//! A queue around a poller's queue, and a timer, for whoever watches for the poller's events without
//! taking them. The loop arms it from its own thread meanwhile: epoll tells who polls it, or waits,
//! of a registration that has just become ready, so that nobody need be woken for the arming.

const std = @import("std");
const linux = std.os.linux;

const outcome = @import("outcome.zig");

const Outer = @This();

fd: i32 = -1,
timer_fd: i32 = -1,
timed: bool = false,

/// What a registration is of: epoll's user data.
const Source = enum(u64) { poller, timer };

/// On failure nothing stays open.
pub fn open(outer: *Outer, poller_fd: i32) i32 {
    outer.* = .{};
    const opened = outer.openQueue(poller_fd);
    if (opened < 0) outer.close();
    return opened;
}

fn openQueue(outer: *Outer, poller_fd: i32) i32 {
    outer.fd = outcome.of(linux.epoll_create1(linux.EPOLL.CLOEXEC));
    if (outer.fd < 0) return outer.fd;
    const flags: linux.TFD = .{ .CLOEXEC = true, .NONBLOCK = true };
    outer.timer_fd = outcome.of(linux.timerfd_create(.MONOTONIC, flags));
    if (outer.timer_fd < 0) return outer.timer_fd;
    // Edge-triggered, so that a thread that waits is told of an expiry once and need not read it; the
    // next arming ends it for who polls.
    const timer_events = linux.EPOLL.IN | linux.EPOLL.ET;
    const timed = outer.control(linux.EPOLL.CTL_ADD, outer.timer_fd, timer_events, .timer);
    if (timed < 0) return timed;
    // Not armed yet.
    return outer.control(linux.EPOLL.CTL_ADD, poller_fd, linux.EPOLL.ONESHOT, .poller);
}

pub fn close(outer: *Outer) void {
    for ([_]*i32{ &outer.timer_fd, &outer.fd }) |fd| {
        if (fd.* >= 0) _ = linux.close(fd.*);
        fd.* = -1;
    }
}

pub fn owns(outer: *const Outer, fd: i32) bool {
    return fd == outer.fd or fd == outer.timer_fd;
}

/// Has one wait end when the poller has events, at once where it has them already, and when
/// `timeout_ns` has passed; null: no timer.
pub fn arm(outer: *Outer, poller_fd: i32, timeout_ns: ?u64) i32 {
    if (outer.timed or timeout_ns != null) {
        const timed = outer.setTimer(timeout_ns orelse 0);
        if (timed < 0) return timed;
        outer.timed = timeout_ns != null;
    }
    const events = linux.EPOLL.IN | linux.EPOLL.ONESHOT;
    const armed = outer.control(linux.EPOLL.CTL_MOD, poller_fd, events, .poller);
    // `forget` has taken it out.
    if (outcome.errno(armed) != .NOENT) return armed;
    return outer.control(linux.EPOLL.CTL_ADD, poller_fd, events, .poller);
}

/// Takes the poller's queue out until the next arming. A queue that is replaced may live on, in a
/// child that only forked, and then nobody else could take it out.
pub fn forget(outer: *Outer, poller_fd: i32) void {
    _ = linux.epoll_ctl(outer.fd, linux.EPOLL.CTL_DEL, poller_fd, null);
}

/// Ends the present wait, or the next one. Where somebody else has closed the timer, `writable_fd`
/// stands in for it. False when the queue is gone as well.
pub fn interrupt(outer: *Outer, writable_fd: i32) bool {
    if (outer.setTimer(1) == 0) return true;
    return outer.control(linux.EPOLL.CTL_ADD, writable_fd, linux.EPOLL.OUT, .poller) == 0;
}

/// Waits for what was armed.
pub fn wait(outer: *Outer) void {
    var event: [2]linux.epoll_event = undefined;
    // EINTR is as good as an event: whoever is woken for nothing arms again.
    _ = linux.epoll_pwait(outer.fd, &event, event.len, -1, null);
}

fn setTimer(outer: *Outer, timeout_ns: u64) i32 {
    const value: linux.itimerspec = .{
        .it_interval = .{ .sec = 0, .nsec = 0 },
        .it_value = .{
            .sec = @intCast(timeout_ns / std.time.ns_per_s),
            .nsec = @intCast(timeout_ns % std.time.ns_per_s),
        },
    };
    return outcome.of(linux.timerfd_settime(outer.timer_fd, .{}, &value, null));
}

fn control(outer: *Outer, operation: u32, fd: i32, events: u32, source: Source) i32 {
    var event: linux.epoll_event = .{ .events = events, .data = .{ .u64 = @intFromEnum(source) } };
    return outcome.of(linux.epoll_ctl(outer.fd, operation, fd, &event));
}
