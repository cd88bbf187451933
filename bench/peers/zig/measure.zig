//! What the Zig programs of the benchmarks share: arguments, clocks, system calls that must succeed,
//! and one line of JSON as their result. Linux only.

const std = @import("std");
const linux = std.os.linux;

/// 127.0.0.1
pub const loopback = std.mem.nativeToBig(u32, 0x7f000001);

/// The program's arguments, which are whole numbers.
pub fn numbers(comptime count: usize, init: std.process.Init.Minimal) [count]u32 {
    var arguments = init.args.iterate();
    _ = arguments.skip();
    var values: [count]u32 = undefined;
    for (&values) |*value| {
        const text = arguments.next() orelse fail("{d} numbers are wanted", .{count});
        value.* = std.fmt.parseInt(u32, text, 10) catch fail("\"{s}\" is no number", .{text});
    }
    return values;
}

pub fn fail(comptime format: []const u8, values: anytype) noreturn {
    std.debug.print(format ++ "\n", values);
    std.process.exit(1);
}

/// What a system call returned, which must not be an error.
pub fn succeed(result: usize, comptime name: []const u8) usize {
    const errno = linux.errno(result);
    if (errno != .SUCCESS) fail(name ++ ": {t}", .{errno});
    return result;
}

pub fn wallNs() u64 {
    return clockNs(.MONOTONIC);
}

/// CPU time of this process.
pub fn cpuNs() u64 {
    return clockNs(.PROCESS_CPUTIME_ID);
}

pub fn clockNs(clock: linux.clockid_t) u64 {
    var time: linux.timespec = undefined;
    _ = succeed(linux.clock_gettime(clock, &time), "clock_gettime");
    return @as(u64, @intCast(time.sec)) * std.time.ns_per_s + @as(u64, @intCast(time.nsec));
}

/// Lets the process open as many files as the system allows it.
pub fn raiseFileLimit() void {
    var limit: linux.rlimit = undefined;
    _ = succeed(linux.getrlimit(.NOFILE, &limit), "getrlimit");
    limit.cur = limit.max;
    _ = succeed(linux.setrlimit(.NOFILE, &limit), "setrlimit");
}

pub fn socketpair() [2]i32 {
    var fds: [2]i32 = undefined;
    const kind = linux.SOCK.STREAM | linux.SOCK.NONBLOCK | linux.SOCK.CLOEXEC;
    _ = succeed(linux.socketpair(linux.AF.UNIX, kind, 0, &fds), "socketpair");
    return fds;
}

pub fn epoll() i32 {
    return @intCast(succeed(linux.epoll_create1(linux.EPOLL.CLOEXEC), "epoll_create1"));
}

/// Watches `fd` for reading; its events carry `index`.
pub fn watch(poller: i32, fd: i32, index: u32) void {
    var event: linux.epoll_event = .{ .events = linux.EPOLL.IN, .data = .{ .u32 = index } };
    _ = succeed(linux.epoll_ctl(poller, linux.EPOLL.CTL_ADD, fd, &event), "epoll_ctl");
}

/// Waits for as long as it takes.
pub fn wait(poller: i32, events: []linux.epoll_event) []linux.epoll_event {
    const count = linux.epoll_wait(poller, events.ptr, @intCast(events.len), -1);
    return events[0..succeed(count, "epoll_wait")];
}

/// The same, of what is ready now.
pub fn poll(poller: i32, events: []linux.epoll_event) []linux.epoll_event {
    const count = linux.epoll_wait(poller, events.ptr, @intCast(events.len), 0);
    return events[0..succeed(count, "epoll_wait")];
}

/// One write of one byte.
pub fn writeByte(fd: i32) void {
    _ = succeed(linux.write(fd, "e", 1), "write");
}

/// Prints the fields of `figures` as one line of JSON.
pub fn report(figures: anytype) void {
    var buffer: [4096]u8 = undefined;
    var writer = std.Io.Writer.fixed(&buffer);
    writer.print("{f}\n", .{std.json.fmt(figures, .{})}) catch unreachable;
    const line = writer.buffered();
    _ = succeed(linux.write(1, line.ptr, line.len), "write");
}

/// Has `round` run for a quarter of `ms` first, and then measures it for `ms`. Each round returns
/// how many events it has served.
pub fn perEvent(context: anytype, comptime round: fn (@TypeOf(context)) u64, ms: u64) void {
    const measured_ns = ms * std.time.ns_per_ms;
    const warm = wallNs() + measured_ns / 4;
    while (wallNs() < warm) _ = round(context);

    const cpu_began = cpuNs();
    const wall_began = wallNs();
    var events: u64 = 0;
    while (wallNs() - wall_began < measured_ns) events += round(context);
    const count: f64 = @floatFromInt(events);
    report(.{
        .cpuNsPerEvent = @as(f64, @floatFromInt(cpuNs() - cpu_began)) / count,
        .wallNsPerEvent = @as(f64, @floatFromInt(wallNs() - wall_began)) / count,
        .events = events,
    });
}
