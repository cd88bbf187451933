//! Has the kernel send the byte: io_uring takes "poll the outer queue, then send" as one request, and
//! nobody is woken but Bun. That saves a thread's wake-up, some 50 us where its core sleeps.
//!
//! - The ring belongs to the loop's thread, and is gone with it.
//! - Linux 5.19 has all that is asked for. Older ones, and filters that refuse io_uring, as Docker's
//!   does, get the thread.
//! - A request that is done, and the ring's own end, interrupt a wait of their thread with EINTR,
//!   like a signal.

const std = @import("std");
const linux = std.os.linux;
const assert = std.debug.assert;

const outcome = @import("outcome.zig");

const Ring = @This();

fd: i32 = -1,
/// The two queues' heads and tails, and what is done.
queues: [*]align(std.heap.page_size_min) u8 = undefined,
/// Room for the two requests.
requests: *[requests_count]linux.io_uring_sqe = undefined,
params: linux.io_uring_params = undefined,
/// The requests are the kernel's until it has told that they are done.
pending: bool = false,

const requests_count = 2;
/// Both queues of a ring this small share a page.
const queues_bytes = std.heap.page_size_min;

/// On failure nothing stays open.
pub fn open(ring: *Ring) i32 {
    ring.* = .{};
    ring.params = std.mem.zeroes(linux.io_uring_params);
    // Nothing interrupts the thread while it computes: the byte is for when it waits.
    ring.params.flags = linux.IORING_SETUP_COOP_TASKRUN;
    ring.fd = outcome.of(linux.io_uring_setup(requests_count, &ring.params));
    if (ring.fd < 0) return ring.fd;
    const wanted = linux.IORING_FEAT_SINGLE_MMAP | linux.IORING_FEAT_CQE_SKIP;
    const mapped = if (ring.params.features & wanted == wanted)
        ring.map()
    else
        outcome.failure(.NOSYS);
    if (mapped < 0) {
        _ = linux.close(ring.fd);
        ring.fd = -1;
    }
    return mapped;
}

fn map(ring: *Ring) i32 {
    const done_end = ring.params.cq_off.cqes + ring.params.cq_entries * @sizeOf(linux.io_uring_cqe);
    const places_end = ring.params.sq_off.array + ring.params.sq_entries * @sizeOf(u32);
    if (@max(done_end, places_end) > queues_bytes) return outcome.failure(.NOMEM);
    const queues = mapPart(ring.fd, linux.IORING_OFF_SQ_RING);
    if (linux.errno(queues) != .SUCCESS) return outcome.failure(.NOMEM);
    const requests = mapPart(ring.fd, linux.IORING_OFF_SQES);
    if (linux.errno(requests) != .SUCCESS) {
        _ = linux.munmap(@ptrFromInt(queues), queues_bytes);
        return outcome.failure(.NOMEM);
    }
    ring.queues = @ptrFromInt(queues);
    ring.requests = @ptrFromInt(requests);
    return 0;
}

fn mapPart(fd: i32, offset: i64) usize {
    const flags: linux.MAP = .{ .TYPE = .SHARED, .POPULATE = true };
    return linux.mmap(null, queues_bytes, .{ .READ = true, .WRITE = true }, flags, fd, offset);
}

pub fn close(ring: *Ring) void {
    assert(ring.fd >= 0);
    _ = linux.munmap(ring.queues, queues_bytes);
    _ = linux.munmap(@ptrCast(ring.requests), queues_bytes);
    _ = linux.close(ring.fd);
    ring.* = .{};
}

/// Asks for a byte to `bridge_fd` once `queue_fd` is readable, unless that was asked for already.
/// Returns 0 or -errno.
pub fn arm(ring: *Ring, queue_fd: i32, bridge_fd: i32) i32 {
    const done_head = ring.word(ring.params.cq_off.head);
    const done_tail = @atomicLoad(u32, ring.word(ring.params.cq_off.tail), .acquire);
    if (done_head.* != done_tail) {
        @atomicStore(u32, done_head, done_tail, .release);
        ring.pending = false;
    }
    if (ring.pending) return 0;

    const poll, const send = .{ &ring.requests[0], &ring.requests[1] };
    poll.prep_poll_add(queue_fd, linux.POLL.IN);
    // What is told of is the send, or the poll that failed.
    poll.flags |= linux.IOSQE_IO_LINK | linux.IOSQE_CQE_SKIP_SUCCESS;
    send.prep_send(bridge_fd, "!", linux.MSG.NOSIGNAL | linux.MSG.DONTWAIT);

    const tail = ring.word(ring.params.sq_off.tail);
    const mask = ring.word(ring.params.sq_off.ring_mask).*;
    for (0..requests_count) |request| {
        const place = (tail.* +% @as(u32, @intCast(request))) & mask;
        const offset = ring.params.sq_off.array + place * @sizeOf(u32);
        ring.word(offset).* = @intCast(request);
    }
    @atomicStore(u32, tail, tail.* +% requests_count, .release);
    const entered = outcome.of(linux.io_uring_enter(ring.fd, requests_count, 0, 0, null));
    if (entered < 0) return entered;
    if (entered != requests_count) return outcome.failure(.AGAIN);
    ring.pending = true;
    return 0;
}

/// Waits until nothing is pending: the queue must be readable, or about to be.
pub fn finish(ring: *Ring) void {
    while (ring.pending) {
        const wait_for_one = linux.IORING_ENTER_GETEVENTS;
        const entered = outcome.of(linux.io_uring_enter(ring.fd, 0, 1, wait_for_one, null));
        ring.pending = outcome.errno(entered) == .INTR;
    }
}

fn word(ring: *Ring, offset: u32) *u32 {
    return @ptrCast(@alignCast(ring.queues + offset));
}
