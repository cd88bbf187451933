//! Threads, as the C library of the process has them: one to watch with, the moment when one ends,
//! and a lock between them. The Linux libraries link no C library; these names stay open in them, and
//! Bun's own, glibc or musl, fills them in. They are weak: a program without one has no threads.

const std = @import("std");
const builtin = @import("builtin");
const linux = std.os.linux;
const assert = std.debug.assert;

const outcome = @import("outcome.zig");
const system = @import("system.zig");

/// pthread_t: a number or a pointer, of this size everywhere.
pub const Thread = usize;
const Key = if (system.on_macos) c_ulong else c_uint;
const Main = fn (?*anyopaque) callconv(.c) ?*anyopaque;
const Destructor = fn (?*anyopaque) callconv(.c) void;

fn external(comptime Function: type, comptime name: []const u8) ?*const Function {
    return @extern(?*const Function, .{
        .name = name,
        // A static C library gives only what is asked for strongly.
        .linkage = if (builtin.link_libc or system.on_macos) .strong else .weak,
    });
}

fn create() ?*const fn (*Thread, ?*const anyopaque, *const Main, ?*anyopaque) callconv(.c) c_int {
    return external(
        fn (*Thread, ?*const anyopaque, *const Main, ?*anyopaque) callconv(.c) c_int,
        "pthread_create",
    );
}

/// Starts a thread that no signal ever interrupts. Returns 0 or -errno: EAGAIN at a limit, ENOSYS
/// without a C library.
pub fn spawn(thread: *Thread, main: *const Main, argument: *anyopaque) i32 {
    const start = create() orelse return outcome.failure(.NOSYS);
    // A thread is born with its maker's mask.
    var before = system.blockSignals();
    defer system.restoreSignals(&before);
    return -@as(i32, start(thread, null, main, argument));
}

/// Waits until the thread has ended.
pub fn join(thread: Thread) void {
    const Join = fn (Thread, ?*?*anyopaque) callconv(.c) c_int;
    const wait = external(Join, "pthread_join") orelse return;
    const joined = wait(thread, null);
    assert(joined == 0);
}

/// What one thread keeps, and leaves behind at its end.
pub fn Belongings(comptime T: type, comptime leave: fn (*T) void) type {
    return struct {
        var lock: Lock = .{};
        var made: bool = false;
        var made_key: Key = 0;

        fn ended(value: ?*anyopaque) callconv(.c) void {
            leave(@ptrCast(@alignCast(value orelse return)));
        }

        /// The thread's own, null where it has none.
        pub fn get() ?*T {
            const key = ready() orelse return null;
            const read = external(fn (Key) callconv(.c) ?*anyopaque, "pthread_getspecific").?;
            return @ptrCast(@alignCast(read(key)));
        }

        /// `leave` is called with it when the thread ends.
        pub fn set(value: ?*T) void {
            const key = ready() orelse return;
            const Set = fn (Key, ?*const anyopaque) callconv(.c) c_int;
            const write = external(Set, "pthread_setspecific").?;
            // ENOMEM: the thread will leave what it has.
            _ = write(key, value);
        }

        fn ready() ?Key {
            const Create = fn (*Key, ?*const Destructor) callconv(.c) c_int;
            const make = external(Create, "pthread_key_create") orelse return null;
            lock.take();
            defer lock.release();
            // EAGAIN: the process has no key left.
            if (!made) made = make(&made_key, &ended) == 0;
            return if (made) made_key else null;
        }
    };
}

/// For a few instructions or one system call that does not block. No signal handler may take it.
pub const Lock = struct {
    taken: std.atomic.Value(bool) = .init(false),

    pub fn take(lock: *Lock) void {
        while (lock.taken.swap(true, .acquire)) pause();
    }

    pub fn release(lock: *Lock) void {
        assert(lock.taken.load(.monotonic));
        lock.taken.store(false, .release);
    }
};

/// Lets another thread go on with what this one waits for.
pub fn pause() void {
    if (system.on_macos) {
        _ = std.c.sched_yield();
    } else {
        _ = linux.sched_yield();
    }
}

test "a thread runs what it is given, and can be waited for" {
    const Sum = struct {
        lock: Lock = .{},
        value: u32 = 0,

        fn main(argument: ?*anyopaque) callconv(.c) ?*anyopaque {
            const sum: *@This() = @ptrCast(@alignCast(argument));
            for (0..1000) |_| {
                sum.lock.take();
                defer sum.lock.release();
                sum.value += 1;
            }
            return null;
        }
    };
    var sum: Sum = .{};
    var spawned: [4]Thread = undefined;
    for (&spawned) |*thread| {
        try std.testing.expectEqual(@as(i32, 0), spawn(thread, &Sum.main, &sum));
    }
    for (spawned) |thread| join(thread);
    try std.testing.expectEqual(@as(u32, 4000), sum.value);
}

test "what a thread keeps is its own, and is left at its end" {
    const Kept = struct {
        left: bool = false,
        seen: ?*@This() = null,

        const own = Belongings(@This(), leave);

        fn leave(kept: *@This()) void {
            kept.left = true;
        }

        fn main(argument: ?*anyopaque) callconv(.c) ?*anyopaque {
            const kept: *@This() = @ptrCast(@alignCast(argument));
            kept.seen = own.get();
            own.set(kept);
            return null;
        }
    };
    var others: Kept = .{};
    var kept: Kept = .{};
    Kept.own.set(&others);
    defer Kept.own.set(null);
    var thread: Thread = undefined;
    try std.testing.expectEqual(@as(i32, 0), spawn(&thread, &Kept.main, &kept));
    join(thread);
    try std.testing.expect(kept.left);
    try std.testing.expectEqual(@as(?*Kept, null), kept.seen);
    try std.testing.expectEqual(@as(?*Kept, &others), Kept.own.get());
    try std.testing.expect(!others.left);
}
