//! A client that keeps CONNECTIONS busy: each sends BYTES to an echo service, and again when they
//! have come back. It never sleeps, so that nobody has to wake it: neither the service, whose CPU
//! time that would be, nor the kernel, whose delay would be in each round trip. After WARM_MS it
//! measures for MS, with the CPU time of the service's process PID in the same window, and prints
//! one line of JSON. It ends when every answer has come: a connection that is closed before is reset,
//! which a service handles as an error. With BYTES of 0 it only connects, prints that, and holds the connections until
//! its input ends. Usage: load PORT PID CONNECTIONS BYTES WARM_MS MS

const std = @import("std");
const linux = std.os.linux;
const measure = @import("measure.zig");

const Connection = struct {
    fd: i32,
    sent_ns: u64 = 0,
    /// Bytes of the answer that have not come yet.
    missing: u32 = 0,
};

const Load = struct {
    poller: i32,
    connections: []Connection,
    message: []const u8,
    /// Round trips in the window, in nanoseconds.
    trips: std.ArrayList(u32) = .empty,
    /// Time in the window in which no answer had come.
    idle_ns: u64 = 0,
    /// What is received is looked at by nobody.
    received: [65_536]u8 = undefined,
    events: [1024]linux.epoll_event = undefined,

    fn run(load: *Load, end_ns: u64, measured: bool) !void {
        var now = measure.wallNs();
        while (now < end_ns) {
            const ready = measure.poll(load.poller, &load.events);
            for (ready) |event| try load.receive(&load.connections[event.data.u32], measured);
            const later = measure.wallNs();
            if (measured and ready.len == 0) load.idle_ns += later - now;
            now = later;
        }
    }

    /// Takes the answers that have not come yet, and sends nothing more.
    fn finish(load: *Load) void {
        var waiting: usize = 0;
        for (load.connections) |connection| waiting += @intFromBool(connection.missing > 0);
        while (waiting > 0) {
            for (measure.poll(load.poller, &load.events)) |event| {
                const connection = &load.connections[event.data.u32];
                load.take(connection);
                waiting -= @intFromBool(connection.missing == 0);
            }
        }
    }

    fn receive(load: *Load, connection: *Connection, measured: bool) !void {
        load.take(connection);
        if (connection.missing > 0) return;
        const now = measure.wallNs();
        if (measured) {
            try load.trips.append(std.heap.page_allocator, @intCast(now - connection.sent_ns));
        }
        load.send(connection, now);
    }

    fn take(load: *Load, connection: *Connection) void {
        const result = linux.recvfrom(connection.fd, &load.received, load.received.len, 0, null, null);
        const count: u32 = @intCast(measure.succeed(result, "recv"));
        if (count == 0) measure.fail("the service has closed a connection", .{});
        if (count > connection.missing) measure.fail("the service has sent too much", .{});
        connection.missing -= count;
    }

    fn send(load: *Load, connection: *Connection, now: u64) void {
        connection.sent_ns = now;
        connection.missing = @intCast(load.message.len);
        const flags = linux.MSG.NOSIGNAL;
        const message = load.message;
        const result = linux.sendto(connection.fd, message.ptr, message.len, flags, null, 0);
        const sent = measure.succeed(result, "send");
        // One message at a time fits every socket's buffer.
        if (sent != message.len) measure.fail("only {d} bytes were sent", .{sent});
    }
};

/// What the process of the service has used so far.
const Usage = struct {
    /// Exact, of all its threads.
    cpu_ns: u64,
    /// Sampled by the kernel, in its ticks.
    user_ticks: u64,
    system_ticks: u64,

    fn of(pid: u32) Usage {
        var path_buffer: [32]u8 = undefined;
        const path = std.fmt.bufPrintZ(&path_buffer, "/proc/{d}/stat", .{pid}) catch unreachable;
        const fd: i32 = @intCast(measure.succeed(linux.open(path, .{}, 0), "open"));
        var buffer: [1024]u8 = undefined;
        const length = measure.succeed(linux.read(fd, &buffer, buffer.len), "read");
        _ = linux.close(fd);
        // The second field, the command's name in parentheses, may hold anything.
        const named = std.mem.lastIndexOfScalar(u8, buffer[0..length], ')').?;
        var fields = std.mem.tokenizeScalar(u8, buffer[named + 1 .. length], ' ');
        for (3..14) |_| _ = fields.next();
        const user = std.fmt.parseInt(u64, fields.next().?, 10) catch unreachable;
        const system = std.fmt.parseInt(u64, fields.next().?, 10) catch unreachable;
        // As clock_getcpuclockid() makes the clock of another process.
        const clock: u32 = (~pid << 3) | 2;
        return .{
            .cpu_ns = measure.clockNs(@enumFromInt(clock)),
            .user_ticks = user,
            .system_ticks = system,
        };
    }
};

fn connect(port: u32) i32 {
    const kind = linux.SOCK.STREAM | linux.SOCK.CLOEXEC;
    const fd: i32 = @intCast(measure.succeed(linux.socket(linux.AF.INET, kind, 0), "socket"));
    const address: linux.sockaddr.in = .{
        .port = std.mem.nativeToBig(u16, @intCast(port)),
        .addr = measure.loopback,
    };
    _ = measure.succeed(linux.connect(fd, &address, @sizeOf(linux.sockaddr.in)), "connect");
    return fd;
}

pub fn main(init: std.process.Init.Minimal) !void {
    const port, const pid, const count, const bytes, const warm_ms, const ms = measure.numbers(6, init);
    const gpa = std.heap.page_allocator;
    measure.raiseFileLimit();
    const message = try gpa.alloc(u8, bytes);
    @memset(message, 'e');
    var load: Load = .{
        .poller = measure.epoll(),
        .connections = try gpa.alloc(Connection, count),
        .message = message,
    };
    for (load.connections, 0..) |*connection, index| {
        connection.* = .{ .fd = connect(port) };
        measure.watch(load.poller, connection.fd, @intCast(index));
    }
    if (bytes == 0) {
        measure.report(.{ .connections = count });
        _ = linux.read(0, &load.received, 1);
        return;
    }

    for (load.connections) |*connection| load.send(connection, measure.wallNs());
    try load.run(measure.wallNs() + @as(u64, warm_ms) * std.time.ns_per_ms, false);
    const before = Usage.of(pid);
    const began = measure.wallNs();
    try load.run(began + @as(u64, ms) * std.time.ns_per_ms, true);
    const wall_ns = measure.wallNs() - began;
    const after = Usage.of(pid);
    load.finish();
    tell(&load, before, after, wall_ns);
}

fn tell(load: *Load, before: Usage, after: Usage, wall_ns: u64) void {
    const trips = load.trips.items;
    if (trips.len == 0) measure.fail("nothing has come back", .{});
    std.mem.sortUnstable(u32, trips, {}, std.sort.asc(u32));
    const messages: f64 = @floatFromInt(trips.len);
    const wall: f64 = @floatFromInt(wall_ns);
    const cpu: f64 = @floatFromInt(after.cpu_ns - before.cpu_ns);
    const idle: f64 = @floatFromInt(load.idle_ns);
    measure.report(.{
        .messages = trips.len,
        .perSecond = messages / wall * std.time.ns_per_s,
        .p50Us = micros(trips, 500),
        .p99Us = micros(trips, 990),
        .p999Us = micros(trips, 999),
        .cpuNs = cpu / messages,
        .userTicks = after.user_ticks - before.user_ticks,
        .systemTicks = after.system_ticks - before.system_ticks,
        // What part of the time each side had work.
        .serviceBusy = cpu / wall,
        .clientBusy = 1 - idle / wall,
    });
}

fn micros(sorted: []const u32, thousandths: usize) f64 {
    return @as(f64, @floatFromInt(sorted[sorted.len * thousandths / 1000])) / std.time.ns_per_us;
}
