//! A thread that waits on the outer queue and sends the byte. It takes no event and reads nothing of
//! JavaScript's, so that it may go on while a Worker is torn down around it.

const std = @import("std");
const assert = std.debug.assert;

const outcome = @import("outcome.zig");
const system = @import("system.zig");
const threads = @import("threads.zig");
const Outer = @import("watcher.zig").Outer;

const Messenger = @This();

outer: *Outer,
bridge_fd: i32,
thread: threads.Thread = undefined,
armed: std.atomic.Value(bool) = .init(false),
ending: std.atomic.Value(bool) = .init(false),

/// Returns 0 or -errno. The thread goes on until `end`.
pub fn start(messenger: *Messenger) i32 {
    return threads.spawn(&messenger.thread, &main, messenger);
}

/// One arming is worth one byte at most. Before the queue is armed, so that none of its events goes
/// untold; one that comes before that costs a byte too many.
pub fn arm(messenger: *Messenger) void {
    messenger.armed.store(true, .seq_cst);
}

/// Ends the thread and waits for its end.
pub fn end(messenger: *Messenger) void {
    assert(!messenger.ending.load(.monotonic));
    messenger.ending.store(true, .seq_cst);
    // A thread whose queue somebody else has closed beside its timer would never end.
    const interrupted = messenger.outer.interrupt(messenger.bridge_fd);
    assert(interrupted);
    threads.join(messenger.thread);
}

fn main(argument: ?*anyopaque) callconv(.c) ?*anyopaque {
    const messenger: *Messenger = @ptrCast(@alignCast(argument));
    while (true) {
        messenger.outer.wait();
        if (messenger.ending.load(.seq_cst)) return null;
        if (messenger.armed.swap(false, .seq_cst)) messenger.tell();
    }
}

fn tell(messenger: *Messenger) void {
    const flags = system.msg_no_signal | system.calls.MSG.DONTWAIT;
    while (!messenger.ending.load(.seq_cst)) {
        const sent = outcome.of(system.calls.sendto(messenger.bridge_fd, "!", 1, flags, null, 0));
        switch (outcome.errno(sent)) {
            .INTR => {},
            // The kernel is short of memory for a moment, and nobody else tells.
            .NOBUFS, .NOMEM => threads.pause(),
            // Where Bun has closed its end, or never reads, nobody is left to be told.
            else => return,
        }
    }
}
