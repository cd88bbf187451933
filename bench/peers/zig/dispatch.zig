//! The least that READY fds can cost that are always ready: a bare epoll loop that calls a handler
//! by a table of function pointers. IDLE further fds never are. Usage: dispatch READY IDLE MS

const std = @import("std");
const linux = std.os.linux;
const measure = @import("measure.zig");

const Handler = struct { call: *const fn (*u64) void, arg: *u64 };

const Loop = struct {
    poller: i32,
    handlers: []const Handler,
    events: [1024]linux.epoll_event = undefined,

    fn round(loop: *Loop) u64 {
        var called: u64 = 0;
        for (0..64) |_| {
            for (measure.wait(loop.poller, &loop.events)) |event| {
                const handler = loop.handlers[event.data.u32];
                handler.call(handler.arg);
                called += 1;
            }
        }
        return called;
    }
};

fn count(counted: *u64) void {
    counted.* += 1;
}

pub fn main(init: std.process.Init.Minimal) !void {
    const ready, const idle, const ms = measure.numbers(3, init);
    measure.raiseFileLimit();
    const poller = measure.epoll();
    const handlers = try std.heap.page_allocator.alloc(Handler, ready + idle);
    var counted: u64 = 0;
    @memset(handlers, .{ .call = &count, .arg = &counted });

    for (0..ready) |index| {
        const reader, const writer = measure.socketpair();
        measure.writeByte(writer);
        measure.watch(poller, reader, @intCast(index));
    }
    var index = ready;
    while (index < ready + idle) : (index += 2) {
        for (measure.socketpair()) |fd| measure.watch(poller, fd, index);
    }
    var loop: Loop = .{ .poller = poller, .handlers = handlers };
    measure.perEvent(&loop, Loop.round, ms);
}
