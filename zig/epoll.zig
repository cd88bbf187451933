//! The Linux backend, on raw system calls: level-triggered unless a registration says otherwise,
//! one record per ready fd, no state but the caller's `State`.
//!
//! What epoll does that its manual is quiet about, and the answer here:
//! - A wait ends with EINTR even under SA_RESTART: it goes back to the caller, who knows the
//!   deadline.
//! - epoll_pwait2 is missing before Linux 5.11, and some seccomp filters refuse it with EPERM: it
//!   is probed, and where it is refused, then or later, milliseconds, rounded up, take its place.
//! - A wait ends late by the thread's timer slack: it is asked to end sooner (timer_slack.zig).
//! - A wait that is to end looks at the clock twice, and one that sleeps sets a timer: 0.6 us of CPU
//!   time that a wait without an end does not cost.
//! - An empty mask still reports errors and hang-ups, for ever: a paused fd leaves the kernel, and
//!   interest in errors alone is edge-triggered.
//! - The kernel keys a registration by fd and open file, so dup2 can make its view and ours differ:
//!   the caller's table is the truth. EEXIST is mended here, ENOENT by the caller.
//! - A closed fd whose open file lives on elsewhere keeps firing and cannot be removed: `reset`
//!   replaces the whole queue under the same number.

const std = @import("std");
const linux = std.os.linux;
const assert = std.debug.assert;

const abi = @import("abi.zig");
const outcome = @import("outcome.zig");
const records = @import("epoll_records.zig");
const timeout = @import("timeout.zig");
const timer_slack = @import("timer_slack.zig");
const State = abi.State;
const Word = abi.Word;

pub const kind: abi.Backend = .epoll;

const Event = records.Event;

/// Opens the queue and its wake fd. On failure nothing stays open.
pub fn open(state: *State, force_timeout_ms: bool) i32 {
    state.* = .{};

    const poller_fd = outcome.of(linux.epoll_create1(linux.EPOLL.CLOEXEC));
    if (poller_fd < 0) return poller_fd;
    const wake_fd = outcome.of(linux.eventfd(0, linux.EFD.CLOEXEC | linux.EFD.NONBLOCK));
    if (wake_fd < 0) {
        _ = linux.close(poller_fd);
        return wake_fd;
    }
    state.poller_fd = poller_fd;
    state.wake_fd = wake_fd;

    const watched = watchWake(poller_fd, wake_fd);
    if (watched < 0) {
        close(state);
        return watched;
    }
    state.timeout_ms_only = @intFromBool(force_timeout_ms or !haveNanoseconds(poller_fd));
    if (state.timeout_ms_only == 0) state.slack_ns = timer_slack.ofThread();
    assert(state.poller_fd >= 0);
    assert(state.wake_fd >= 0);
    return 0;
}

pub fn close(state: *State) void {
    for ([_]*i32{ &state.outer_fd, &state.wake_fd, &state.poller_fd }) |fd| {
        if (fd.* >= 0) _ = linux.close(fd.*);
        fd.* = -1;
    }
}

/// An fd that another poller can watch: ready when this queue has events. It keeps its number and
/// its registrations when `reset` replaces the queue within.
pub fn expose(state: *State) i32 {
    if (state.outer_fd >= 0) return state.outer_fd;
    const outer_fd = outcome.of(linux.epoll_create1(linux.EPOLL.CLOEXEC));
    if (outer_fd < 0) return outer_fd;
    const nested = nest(outer_fd, state.poller_fd);
    if (nested < 0) {
        _ = linux.close(outer_fd);
        return nested;
    }
    state.outer_fd = outer_fd;
    return outer_fd;
}

/// Starts watching `fd`. A word without interest checks the fd and leaves it unwatched.
pub fn add(state: *State, fd: i32, word: Word) i32 {
    assert(word.generation != abi.generation_own);
    if (fd == state.wake_fd or fd == state.poller_fd) return outcome.failure(.INVAL);

    const added = control(state.poller_fd, linux.EPOLL.CTL_ADD, fd, word);
    const settled = switch (outcome.errno(added)) {
        // dup2 put an open file back under its old number: the entry is stale, and ours replaces
        // it.
        .EXIST => control(state.poller_fd, linux.EPOLL.CTL_MOD, fd, word),
        // EBADF, EPERM (a file that is always ready), ENOMEM, ENOSPC (max_user_watches), ELOOP and
        // EINVAL are the caller's to hear.
        else => added,
    };
    if (settled == 0 and word.bits.none()) return remove(state, fd);
    return settled;
}

/// Gives a watched `fd` a new mask, and arms EDGE and ONESHOT again. ENOENT says that the number
/// names another open file by now: the caller adds it anew, under a generation of its own.
pub fn update(state: *State, fd: i32, word: Word) i32 {
    assert(word.generation != abi.generation_own);
    assert(!word.bits.none());
    return control(state.poller_fd, linux.EPOLL.CTL_MOD, fd, word);
}

/// Stops watching `fd`; one that is closed or unknown is no error, the goal is reached.
pub fn remove(state: *State, fd: i32) i32 {
    const removed = outcome.of(linux.epoll_ctl(state.poller_fd, linux.EPOLL.CTL_DEL, fd, null));
    return switch (outcome.errno(removed)) {
        .NOENT, .BADF, .PERM => 0,
        else => removed,
    };
}

/// Replaces the queue by an empty one under the same number, which ends every stale registration.
/// The caller adds the live ones again. On failure the old queue stays.
pub fn reset(state: *State) i32 {
    const fresh_fd = outcome.of(linux.epoll_create1(linux.EPOLL.CLOEXEC));
    if (fresh_fd < 0) return fresh_fd;
    defer _ = linux.close(fresh_fd);

    const watched = watchWake(fresh_fd, state.wake_fd);
    if (watched < 0) return watched;
    if (state.outer_fd < 0) return exchange(state.poller_fd, fresh_fd);

    const nested = nest(state.outer_fd, fresh_fd);
    if (nested < 0) return nested;
    // epoll finds an entry by number and open file. Once the number is the new queue's, the old one's
    // entry can be neither changed nor removed, and tells on while a child holds that queue. It is
    // silenced, not removed, so that to undo it takes no memory.
    const silence: Word = .{ .bits = .{}, .generation = abi.generation_own };
    _ = control(state.outer_fd, linux.EPOLL.CTL_MOD, state.poller_fd, silence);
    const exchanged = exchange(state.poller_fd, fresh_fd);
    if (exchanged < 0) {
        _ = control(state.outer_fd, linux.EPOLL.CTL_MOD, state.poller_fd, word_nested);
        return exchanged;
    }
    // To the lasting number, where the next reset looks for it. Refused, it goes on under the other
    // one, and the next reset cannot silence it.
    if (nest(state.outer_fd, state.poller_fd) == 0) {
        _ = linux.epoll_ctl(state.outer_fd, linux.EPOLL.CTL_DEL, fresh_fd, null);
    }
    return 0;
}

/// Puts the queue of `fresh_fd` under the number of another one.
fn exchange(poller_fd: i32, fresh_fd: i32) i32 {
    const flags: linux.O = .{ .CLOEXEC = true };
    const replaced = outcome.of(linux.dup3(fresh_fd, poller_fd, @bitCast(flags)));
    if (replaced < 0) return replaced;
    assert(replaced == poller_fd);
    return 0;
}

/// Waits at most `timeout_ns`, or less by up to the slack, and leaves the ready records packed at
/// the start of `batch`; null waits for as long as it takes. Returns their number, or -errno. Wakes
/// end the wait and are not counted.
pub fn wait(state: *State, batch: abi.Batch, count_max: u32, timeout_ns: ?u64) i32 {
    assert(count_max > 0);
    const events: [*]Event = @ptrCast(batch);
    const count = sleep(state, events, count_max, timeout_ns);
    state.woken = 0;
    if (count <= 0) return count;
    assert(count <= count_max);
    const packed_count = records.pack(events, @intCast(count));
    state.woken = count - packed_count;
    assert(state.woken == 0 or state.woken == 1);
    return packed_count;
}

fn sleep(state: *State, events: [*]Event, count_max: u32, timeout_ns: ?u64) i32 {
    const limit_ns = timeout_ns orelse return sleepMs(state, events, count_max, -1);
    // A third cheaper than epoll_pwait2 where nothing is waited for.
    if (limit_ns == 0) return sleepMs(state, events, count_max, 0);
    if (state.timeout_ms_only == 0) {
        const sooner_ns = lessSlack(state, limit_ns);
        const count = outcome.of(waitNanoseconds(state.poller_fd, events, count_max, sooner_ns));
        switch (outcome.errno(count)) {
            // A filter that the process has set since the probe.
            .NOSYS, .PERM => {
                state.timeout_ms_only = 1;
                state.slack_ns = 0;
            },
            else => return count,
        }
    }
    return sleepMs(state, events, count_max, timeout.toMilliseconds(limit_ns));
}

fn sleepMs(state: *const State, events: [*]Event, count_max: u32, limit_ms: i32) i32 {
    return outcome.of(linux.epoll_pwait(state.poller_fd, events, count_max, limit_ms, null));
}

fn lessSlack(state: *State, timeout_ns: u64) u64 {
    if (state.slack_ns < 0) state.slack_ns = timer_slack.ofThread();
    return timer_slack.sooner(timeout_ns, state.slack_ns);
}

/// Ends the current wait, or the next one. Callable from any thread. Returns 0 or -errno.
pub fn wake(wake_fd: i32) i32 {
    const one: u64 = 1;
    var written: i32 = undefined;
    for (0..wake_tries_max) |_| {
        written = outcome.of(linux.write(wake_fd, std.mem.asBytes(&one), @sizeOf(u64)));
        switch (outcome.errno(written)) {
            .SUCCESS => return 0,
            .INTR => {},
            // Somebody else has filled the counter, and the loop may have seen that: what is written
            // to an empty one is news to it.
            .AGAIN => {
                var count: u64 = undefined;
                _ = linux.read(wake_fd, std.mem.asBytes(&count), @sizeOf(u64));
            },
            else => return written,
        }
    }
    return written;
}

const wake_tries_max = 8;

/// Edge-triggered, so that the counter need not be read back after each wake.
fn watchWake(poller_fd: i32, wake_fd: i32) i32 {
    return control(poller_fd, linux.EPOLL.CTL_ADD, wake_fd, .{
        .bits = .{ .read = true, .edge = true },
        .generation = abi.generation_own,
    });
}

const word_nested: Word = .{ .bits = .{ .read = true }, .generation = abi.generation_own };

fn nest(outer_fd: i32, inner_fd: i32) i32 {
    return control(outer_fd, linux.EPOLL.CTL_ADD, inner_fd, word_nested);
}

fn control(poller_fd: i32, operation: u32, fd: i32, word: Word) i32 {
    const registration: records.Registration = .{ .fd = fd, .generation = word.generation };
    var event: Event = .{
        .events = records.toKernel(word.bits),
        .data = .{ .u64 = @bitCast(registration) },
    };
    return outcome.of(linux.epoll_ctl(poller_fd, operation, fd, &event));
}

fn haveNanoseconds(poller_fd: i32) bool {
    var event: [1]Event = undefined;
    // ENOSYS, or EPERM from a filter. Any other failure would show in the first wait as well.
    return outcome.errno(outcome.of(waitNanoseconds(poller_fd, &event, 1, 0))) == .SUCCESS;
}

fn waitNanoseconds(poller_fd: i32, events: [*]Event, count_max: u32, timeout_ns: u64) usize {
    const timespec: linux.kernel_timespec = .{
        .sec = @intCast(timeout_ns / std.time.ns_per_s),
        .nsec = @intCast(timeout_ns % std.time.ns_per_s),
    };
    return linux.syscall6(
        .epoll_pwait2,
        @bitCast(@as(isize, poller_fd)),
        @intFromPtr(events),
        count_max,
        @intFromPtr(&timespec),
        0,
        linux.NSIG / 8,
    );
}
