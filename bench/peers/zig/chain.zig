//! libevent's benchmark over a bare epoll loop: of PAIRS socket pairs, each handler reads a byte and
//! writes one to the next pair, while writes are left; ACTIVE bytes are on their way at a time, and
//! a round has WRITES more. Usage: chain PAIRS ACTIVE WRITES MS

const std = @import("std");
const linux = std.os.linux;
const measure = @import("measure.zig");

const Loop = struct {
    poller: i32,
    pairs: [][2]i32,
    active: u32,
    writes: u32,
    writes_left: u32 = 0,
    read: u64 = 0,
    events: [1024]linux.epoll_event = undefined,

    fn round(loop: *Loop) u64 {
        loop.read = 0;
        loop.writes_left = loop.writes;
        const space = loop.pairs.len / loop.active;
        for (0..loop.active) |index| measure.writeByte(loop.pairs[index * space][1]);
        while (loop.read < loop.active + loop.writes) {
            for (measure.wait(loop.poller, &loop.events)) |event| pass(loop, event.data.u32);
        }
        return loop.read;
    }

    fn pass(loop: *Loop, index: u32) void {
        var byte: [1]u8 = undefined;
        loop.read += measure.succeed(linux.read(loop.pairs[index][0], &byte, 1), "read");
        if (loop.writes_left == 0) return;
        loop.writes_left -= 1;
        const next = if (index + 1 == loop.pairs.len) 0 else index + 1;
        measure.writeByte(loop.pairs[next][1]);
    }
};

pub fn main(init: std.process.Init.Minimal) !void {
    const pairs_count, const active, const writes, const ms = measure.numbers(4, init);
    measure.raiseFileLimit();
    var loop: Loop = .{
        .poller = measure.epoll(),
        .pairs = try std.heap.page_allocator.alloc([2]i32, pairs_count),
        .active = active,
        .writes = writes,
    };
    for (loop.pairs, 0..) |*pair, index| {
        pair.* = measure.socketpair();
        measure.watch(loop.poller, pair[0], @intCast(index));
    }
    measure.perEvent(&loop, Loop.round, ms);
}
