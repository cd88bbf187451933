//! The least that a TCP echo service can cost: a bare epoll loop without buffers of its own, for
//! messages that a socket takes at once. With SPIN of 1 it never sleeps while it has connections. It
//! prints its port and serves until its input ends. Usage: echo SPIN

const std = @import("std");
const linux = std.os.linux;
const measure = @import("measure.zig");

const input = 0;

const Service = struct {
    poller: i32,
    listener: i32,
    connections: u32 = 0,
    buffer: [65_536]u8 = undefined,

    fn serve(service: *Service, fd: i32) void {
        if (fd == service.listener) return service.accept();
        if (fd == input) std.process.exit(0);
        const received = linux.read(fd, &service.buffer, service.buffer.len);
        if (received == 0 or linux.errno(received) != .SUCCESS) {
            _ = linux.close(fd);
            service.connections -= 1;
            return;
        }
        _ = measure.succeed(linux.write(fd, &service.buffer, received), "write");
    }

    fn accept(service: *Service) void {
        const flags = linux.SOCK.NONBLOCK | linux.SOCK.CLOEXEC;
        const fd = linux.accept4(service.listener, null, null, flags);
        if (linux.errno(fd) == .SUCCESS) {
            measure.watch(service.poller, @intCast(fd), @intCast(fd));
            service.connections += 1;
        }
    }
};

fn listen() i32 {
    const kind = linux.SOCK.STREAM | linux.SOCK.NONBLOCK | linux.SOCK.CLOEXEC;
    const fd: i32 = @intCast(measure.succeed(linux.socket(linux.AF.INET, kind, 0), "socket"));
    const address: linux.sockaddr.in = .{ .port = 0, .addr = measure.loopback };
    const bound = linux.bind(fd, @ptrCast(&address), @sizeOf(linux.sockaddr.in));
    _ = measure.succeed(bound, "bind");
    _ = measure.succeed(linux.listen(fd, 1024), "listen");
    return fd;
}

fn portOf(fd: i32) u16 {
    var address: linux.sockaddr.in = undefined;
    var size: linux.socklen_t = @sizeOf(linux.sockaddr.in);
    _ = measure.succeed(linux.getsockname(fd, @ptrCast(&address), &size), "getsockname");
    return std.mem.bigToNative(u16, address.port);
}

pub fn main(init: std.process.Init.Minimal) !void {
    const spin = measure.numbers(1, init)[0];
    var service: Service = .{ .poller = measure.epoll(), .listener = listen() };
    measure.watch(service.poller, service.listener, @intCast(service.listener));
    measure.watch(service.poller, input, input);
    measure.report(.{ .port = portOf(service.listener) });
    var events: [1024]linux.epoll_event = undefined;
    while (true) {
        const ready = if (spin == 1 and service.connections > 0)
            measure.poll(service.poller, &events)
        else
            measure.wait(service.poller, &events);
        for (ready) |event| service.serve(@intCast(event.data.u32));
    }
}
