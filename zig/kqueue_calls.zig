//! The system calls of kqueue, with answers as the rest of this library gives them.

const std = @import("std");
const assert = std.debug.assert;

const outcome = @import("outcome.zig");
const records = @import("kqueue_records.zig");
const system = @import("system.zig");
const Event = records.Event;
const Flag = records.Flag;

extern fn kqueue() c_int;
extern fn kevent(
    queue: c_int,
    changes: ?[*]const Event,
    changes_count: c_int,
    events: ?[*]Event,
    events_count: c_int,
    limit: ?*const std.c.timespec,
) c_int;

/// A new queue, close-on-exec.
pub fn create() i32 {
    const queue = outcome.of(kqueue());
    if (queue < 0) return queue;
    const exec = system.setCloseOnExec(queue);
    if (exec >= 0) return queue;
    system.close(queue);
    return exec;
}

/// Takes at most `events.len` events, and waits for the first no longer than `limit_ns`; null: for
/// as long as it takes.
pub fn wait(queue: i32, events: []Event, limit_ns: ?u64) i32 {
    const limit = timespecOf(limit_ns orelse 0);
    const given = if (limit_ns == null) null else &limit;
    return outcome.of(kevent(queue, null, 0, events.ptr, @intCast(events.len), given));
}

/// The most changes that are made at once.
pub const submit_max = 32;

/// Makes the changes, each of which must ask for a receipt. Returns how many took effect; one that
/// ends what is not there did not, and is no error. The first other refusal is returned.
pub fn submit(queue: i32, changes: []const Event) i32 {
    assert(changes.len > 0);
    assert(changes.len <= submit_max);
    var receipts: [submit_max]Event = undefined;
    const at_once = timespecOf(0);
    const length: c_int = @intCast(changes.len);
    const received = while (true) {
        const answer = outcome.of(kevent(queue, changes.ptr, length, &receipts, length, &at_once));
        // Nothing is waited for here, and every change may be made twice.
        if (outcome.errno(answer) != .INTR) break answer;
    };
    if (received < 0) return received;

    var effective: i32 = 0;
    for (receipts[0..@intCast(received)], 0..) |receipt, position| {
        if (receipt.flags & Flag.@"error" == 0) continue;
        const refusal: i32 = @intCast(receipt.data);
        if (refusal == 0) {
            effective += 1;
            continue;
        }
        const ends = changes[position].flags & (Flag.delete | Flag.disable) != 0;
        switch (@as(outcome.Errno, @enumFromInt(refusal))) {
            .NOENT, .BADF => if (ends) continue,
            else => {},
        }
        return -refusal;
    }
    return effective;
}

fn timespecOf(limit_ns: u64) std.c.timespec {
    return .{
        .sec = @intCast(limit_ns / std.time.ns_per_s),
        .nsec = @intCast(limit_ns % std.time.ns_per_s),
    };
}
