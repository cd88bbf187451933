//! The library's border: every symbol that TypeScript calls, and nothing else. Numbers are i32, u32
//! and f64; memory is the caller's, passed on each call and never kept. A result below 0 is -errno.
//! The library has no state of its own, so Workers share nothing through it.

const std = @import("std");

const abi = @import("abi.zig");
const io = @import("io.zig");
const poller = @import("poller.zig").backend;
const system = @import("system.zig");
const timeout = @import("timeout.zig");

pub const panic = @import("panic.zig");

export fn ioloop_abi_version() callconv(.c) i32 {
    return abi.version;
}

/// Fills `values` with what src/abi.ts repeats; returns how many there are.
export fn ioloop_abi_layout(values: [*]i32, capacity: u32) callconv(.c) i32 {
    const layout = abi.layout ++ io.Text.layout ++ io.Options.layout;
    const count = @min(capacity, layout.len);
    @memcpy(values[0..count], layout[0..count]);
    return layout.len;
}

/// Which kernel interface waits: 0 epoll, 1 kqueue.
export fn ioloop_backend() callconv(.c) i32 {
    return @intFromEnum(poller.kind);
}

export fn ioloop_open(state: *abi.State, force_timeout_ms: i32) callconv(.c) i32 {
    return poller.open(state, force_timeout_ms != 0);
}

export fn ioloop_close(state: *abi.State) callconv(.c) i32 {
    poller.close(state);
    return 0;
}

export fn ioloop_expose(state: *abi.State) callconv(.c) i32 {
    return poller.expose(state);
}

export fn ioloop_add(state: *abi.State, fd: i32, word: u32) callconv(.c) i32 {
    return poller.add(state, fd, @bitCast(word));
}

export fn ioloop_update(state: *abi.State, fd: i32, word: u32) callconv(.c) i32 {
    return poller.update(state, fd, @bitCast(word));
}

export fn ioloop_remove(state: *abi.State, fd: i32) callconv(.c) i32 {
    return poller.remove(state, fd);
}

export fn ioloop_reset(state: *abi.State) callconv(.c) i32 {
    return poller.reset(state);
}

export fn ioloop_wait(
    state: *abi.State,
    batch: abi.Batch,
    count_max: u32,
    timeout_ns: f64,
) callconv(.c) i32 {
    return poller.wait(state, batch, count_max, timeout.clamp(timeout_ns));
}

export fn ioloop_wake(wake_fd: i32) callconv(.c) i32 {
    return poller.wake(wake_fd);
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
    return system.closeChecked(fd);
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
    _ = system;
    _ = timeout;
    _ = @import("address.zig");
    _ = @import("epoll_records.zig");
    _ = @import("file_kind.zig");
    _ = @import("ip_text.zig");
    _ = @import("kqueue_pack_test.zig");
    _ = @import("kqueue_records_test.zig");
    _ = @import("outcome.zig");
    _ = @import("poller_test.zig");
    _ = @import("system_test.zig");
}
