//! Opens the library that its argument names and does with it what a loop does: open, add, wait,
//! close. Prints each result. It has no libc, so it runs on an emulator without a system behind it.

const std = @import("std");

/// Only the library knows what is in it.
const State = opaque {};
const Record = extern struct { fd: i32, word: u32 };
const Batch = extern union { records: [4]Record, entries: [4][40]u8 align(8) };

const Library = struct {
    ioloop_abi_version: *const fn () callconv(.c) i32,
    ioloop_open: *const fn (*f64, i32) callconv(.c) i32,
    ioloop_socketpair: *const fn (u32, *[2]i32) callconv(.c) i32,
    ioloop_add: *const fn (*State, i32, u32) callconv(.c) i32,
    ioloop_wait: *const fn (*State, *Batch, u32, f64) callconv(.c) i32,
    ioloop_write: *const fn (i32, [*]const u8, f64, u32) callconv(.c) i32,
    ioloop_read: *const fn (i32, [*]u8, f64, u32) callconv(.c) i32,
    ioloop_remove: *const fn (*State, i32) callconv(.c) i32,
    ioloop_close_fd: *const fn (i32) callconv(.c) i32,
    ioloop_close: *const fn (*State) callconv(.c) i32,
};

const read_bit = 0x01;
const generation = 0xabcdef;

pub fn main(init: std.process.Init.Minimal) !void {
    var arguments = init.args.iterate();
    _ = arguments.skip();
    var file = try std.DynLib.open(arguments.next() orelse return error.NoLibraryNamed);
    var library: Library = undefined;
    inline for (@typeInfo(Library).@"struct".fields) |function| {
        @field(library, function.name) = file.lookup(function.type, function.name) orelse
            return error.FunctionMissing;
    }

    var address: f64 = 0;
    var fds: [2]i32 = undefined;
    var batch: Batch = undefined;
    var buffer: [8]u8 = undefined;
    print("version", library.ioloop_abi_version());
    print("open", library.ioloop_open(&address, 0));
    const state: *State = @ptrFromInt(@as(usize, @intFromFloat(address)));
    print("socketpair", library.ioloop_socketpair(0, &fds));
    print("add", library.ioloop_add(state, fds[0], generation << 8 | read_bit));
    print("quiet", library.ioloop_wait(state, &batch, 4, 1e6));
    print("write", library.ioloop_write(fds[1], "hello", 0, 5));
    print("ready", library.ioloop_wait(state, &batch, 4, 1e9));
    print("own fd", @intFromBool(batch.records[0].fd == fds[0]));
    print("bits", @intCast(batch.records[0].word & 0xff));
    print("generation", @intCast(batch.records[0].word >> 8));
    print("read", library.ioloop_read(fds[0], &buffer, 0, buffer.len));
    print("again", library.ioloop_read(fds[0], &buffer, 0, buffer.len));
    print("remove", library.ioloop_remove(state, fds[0]));
    for (fds) |fd| print("close fd", library.ioloop_close_fd(fd));
    print("close", library.ioloop_close(state));
}

fn print(what: []const u8, result: i32) void {
    std.debug.print("{s}: {d}\n", .{ what, result });
}
