//! The library's border: every symbol that TypeScript calls, and nothing else. Numbers are i32, u32
//! and f64; memory is the caller's, passed on each call and never kept, but for a loop's state, which
//! is the library's until it is closed. A result below 0 is -errno. What Workers share through it is
//! one per process by nature: the numbers of wakers, and the actions of signals.

const std = @import("std");

const abi = @import("abi.zig");
const io = @import("io.zig");
const Loop = @import("loop.zig");
const outcome = @import("outcome.zig");
const poller = @import("poller.zig").backend;
const process = @import("process.zig");
const signals = @import("signals.zig");
const system = @import("system.zig");
const timeout = @import("timeout.zig");
const wakers = @import("wakers.zig");

pub const panic = @import("panic.zig");

const closed = outcome.failure(.BADF);

export fn ioloop_abi_version() callconv(.c) i32 {
    return abi.version;
}

/// Fills `values` with what src/abi.ts repeats; returns how many there are.
export fn ioloop_abi_layout(values: [*]i32, capacity: u32) callconv(.c) i32 {
    const layout = abi.layout ++ io.Text.layout ++ io.Options.layout ++
        [_]i32{signals.numbers_max};
    const count = @min(capacity, layout.len);
    @memcpy(values[0..count], layout[0..count]);
    return layout.len;
}

/// Which kernel interface waits: 0 epoll, 1 kqueue.
export fn ioloop_backend() callconv(.c) i32 {
    return @intFromEnum(poller.kind);
}

/// Leaves the address of the loop's state in `address`.
export fn ioloop_open(address: *f64, force_timeout_ms: i32) callconv(.c) i32 {
    var loop: ?*Loop = null;
    const opened = Loop.open(&loop, force_timeout_ms != 0);
    address.* = if (loop) |made| @floatFromInt(@intFromPtr(&made.state)) else 0;
    return opened;
}

/// Gives the state back: nobody may look at it any more.
export fn ioloop_close(state: *abi.State) callconv(.c) i32 {
    const loop = Loop.of(state) orelse return closed;
    loop.close();
    return 0;
}

export fn ioloop_expose(state: *abi.State) callconv(.c) i32 {
    return poller.expose(state);
}

export fn ioloop_add(state: *abi.State, fd: i32, word: u32) callconv(.c) i32 {
    const loop = Loop.of(state) orelse return closed;
    if (loop.isWatchedBy(fd)) return outcome.failure(.INVAL);
    return poller.add(state, fd, @bitCast(word));
}

export fn ioloop_update(state: *abi.State, fd: i32, word: u32) callconv(.c) i32 {
    const loop = Loop.of(state) orelse return closed;
    // A queue that cannot see a close, libkqueue's, would take the number for the one it knows.
    if (loop.isWatchedBy(fd)) return outcome.failure(.INVAL);
    return poller.update(state, fd, @bitCast(word));
}

export fn ioloop_remove(state: *abi.State, fd: i32) callconv(.c) i32 {
    return poller.remove(state, fd);
}

export fn ioloop_reset(state: *abi.State) callconv(.c) i32 {
    const loop = Loop.of(state) orelse return closed;
    return loop.reset();
}

export fn ioloop_wait(
    state: *abi.State,
    batch: abi.Batch,
    count_max: u32,
    timeout_ns: f64,
) callconv(.c) i32 {
    return poller.wait(state, batch, count_max, timeout.clamp(timeout_ns));
}

/// Starts to watch for a hosted loop; returns Bun's end of the bridge.
export fn ioloop_watch(state: *abi.State, force_thread: i32) callconv(.c) i32 {
    const loop = Loop.of(state) orelse return closed;
    return loop.watch(force_thread != 0);
}

/// Asks for a byte through the bridge; an infinite timeout stands for none.
export fn ioloop_watch_arm(state: *abi.State, timeout_ns: f64) callconv(.c) i32 {
    const loop = Loop.of(state) orelse return closed;
    const limit_ns = timeout.clamp(timeout_ns) orelse return loop.arm(null);
    // 0 would disarm the timer.
    return loop.arm(@max(limit_ns, 1));
}

/// `abandoned`: Bun has not taken its end of the bridge, so that it is closed here.
export fn ioloop_watch_end(state: *abi.State, abandoned: i32) callconv(.c) i32 {
    const loop = Loop.of(state) orelse return closed;
    loop.unwatch(abandoned != 0);
    return 0;
}

export fn ioloop_waker_open(state: *abi.State, id: *f64) callconv(.c) i32 {
    return if (Loop.of(state) == null) closed else wakers.open(state, id);
}

/// 1 when somebody has that number, else 0; as the next two. From any thread.
export fn ioloop_wake(id: f64) callconv(.c) i32 {
    return @intFromBool(wakers.wake(id));
}

export fn ioloop_waker_take(id: f64) callconv(.c) i32 {
    return @intFromBool(wakers.take(id));
}

export fn ioloop_waker_close(id: f64) callconv(.c) i32 {
    return @intFromBool(wakers.close(id));
}

/// Makes the loop hear of signals; returns the fd to watch for that.
export fn ioloop_signal_open(state: *abi.State) callconv(.c) i32 {
    return if (Loop.of(state) == null) closed else signals.open(state);
}

export fn ioloop_signal_add(state: *abi.State, number: u32, from_now: i32) callconv(.c) i32 {
    return signals.add(state, number, from_now != 0);
}

export fn ioloop_signal_remove(state: *abi.State, number: u32, forgotten: i32) callconv(.c) i32 {
    return @intFromBool(signals.remove(state, number, forgotten != 0));
}

export fn ioloop_signal_take(
    state: *abi.State,
    counts: *[signals.numbers_max]u32,
) callconv(.c) i32 {
    signals.take(state, counts);
    return 0;
}

export fn ioloop_signal_renew(number: u32) callconv(.c) i32 {
    return signals.renew(number);
}

export fn ioloop_signal_take_unheard(counts: *[signals.numbers_max]u32) callconv(.c) i32 {
    signals.takeUnheard(counts);
    return 0;
}

export fn ioloop_signal_chain(on: i32) callconv(.c) i32 {
    signals.chain(on != 0);
    return 0;
}

/// The fd is closed by the next one, or with the loop of a thread that ends.
export fn ioloop_process_open(state: *abi.State, pid: i32) callconv(.c) i32 {
    const loop = Loop.of(state) orelse return closed;
    const fd = process.open(pid);
    if (fd >= 0) loop.own(fd);
    return fd;
}

export fn ioloop_process_close(state: *abi.State, fd: i32) callconv(.c) i32 {
    const loop = Loop.of(state) orelse return closed;
    loop.disown(fd);
    return system.closeChecked(fd);
}

export fn ioloop_process_status(fd: i32) callconv(.c) i32 {
    return process.status(fd);
}

export fn ioloop_listen(
    text: [*]const u8,
    text_length: u32,
    port: u32,
    options: u32,
    backlog: u32,
) callconv(.c) i32 {
    return io.listen(text[0..text_length], @intCast(port), @bitCast(options), backlog);
}

export fn ioloop_connect(
    text: [*]const u8,
    text_length: u32,
    port: u32,
    options: u32,
) callconv(.c) i32 {
    return io.connect(text[0..text_length], @intCast(port), @bitCast(options));
}

export fn ioloop_accept(fd: i32) callconv(.c) i32 {
    return io.accept(fd);
}

export fn ioloop_read(fd: i32, buffer: [*]u8, offset: f64, length: u32) callconv(.c) i32 {
    return io.read(fd, buffer[@intFromFloat(offset)..][0..length]);
}

export fn ioloop_write(fd: i32, buffer: [*]const u8, offset: f64, length: u32) callconv(.c) i32 {
    return io.write(fd, buffer[@intFromFloat(offset)..][0..length]);
}

export fn ioloop_receive(fd: i32, buffer: [*]u8, length: u32, from: ?*io.Text) callconv(.c) i32 {
    return io.receive(fd, buffer[0..length], from);
}

export fn ioloop_send(fd: i32, buffer: [*]const u8, length: u32) callconv(.c) i32 {
    return io.send(fd, buffer[0..length]);
}

export fn ioloop_send_to(
    fd: i32,
    buffer: [*]const u8,
    length: u32,
    text: [*]const u8,
    text_length: u32,
    port: u32,
    options: u32,
) callconv(.c) i32 {
    const to = text[0..text_length];
    return io.sendTo(fd, buffer[0..length], to, @intCast(port), @bitCast(options));
}

export fn ioloop_socketpair(options: u32, fds: *[2]i32) callconv(.c) i32 {
    return io.socketpair(@bitCast(options), fds);
}

export fn ioloop_pipe(fds: *[2]i32) callconv(.c) i32 {
    return system.pipe(fds);
}

export fn ioloop_close_fd(fd: i32) callconv(.c) i32 {
    return io.close(fd);
}

export fn ioloop_shutdown(fd: i32, direction: i32) callconv(.c) i32 {
    return io.shutdown(fd, @enumFromInt(direction));
}

export fn ioloop_set_non_blocking(fd: i32, on: i32) callconv(.c) i32 {
    return system.setNonBlocking(fd, on != 0);
}

export fn ioloop_local_port(fd: i32) callconv(.c) i32 {
    return io.localPort(fd);
}

export fn ioloop_socket_error(fd: i32) callconv(.c) i32 {
    return io.socketError(fd);
}

test {
    _ = abi;
    _ = io;
    _ = poller;
    _ = process;
    _ = signals;
    _ = system;
    _ = timeout;
    _ = wakers;
    _ = @import("address.zig");
    _ = @import("epoll_records.zig");
    _ = @import("file_kind.zig");
    _ = @import("ip_text.zig");
    _ = @import("ip_text_model_test.zig");
    _ = @import("kqueue_pack_test.zig");
    _ = @import("kqueue_records_test.zig");
    _ = @import("non_sockets.zig");
    _ = @import("outcome.zig");
    _ = @import("poller_model_test.zig");
    _ = @import("poller_test.zig");
    _ = @import("records_model_test.zig");
    _ = @import("signals_test.zig");
    _ = @import("system_test.zig");
    _ = @import("threads.zig");
    _ = @import("timeout_model_test.zig");
    _ = @import("timer_slack.zig");
    _ = @import("wakers_model_test.zig");
    _ = @import("watcher.zig");
}
