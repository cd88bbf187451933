//! What glibc's libstdc++ and libgcc ask of glibc and musl has not. Named like glibc's loader, which
//! they ask for too, it lets a program for musl use them on a machine of glibc. Bun throws no
//! C++ exception, starts no C++ thread-local, and asks for no random number by way of these.

const linux = @import("std").os.linux;

export var __libc_single_threaded: u8 = 0;
export var __cpu_model: [4]u32 = @splat(0);

export fn __cpu_indicator_init() callconv(.c) i32 {
    return 0;
}

export fn _dl_find_object(_: ?*anyopaque, _: ?*anyopaque) callconv(.c) i32 {
    return -1;
}

export fn __cxa_thread_atexit_impl(
    _: ?*const anyopaque,
    _: ?*anyopaque,
    _: ?*anyopaque,
) callconv(.c) i32 {
    return 0;
}

export fn arc4random() callconv(.c) u32 {
    var value: [4]u8 = @splat(0);
    _ = linux.getrandom(&value, value.len, 0);
    return @bitCast(value);
}

extern fn strftime_l([*]u8, usize, [*:0]const u8, *const anyopaque, *anyopaque) callconv(.c) usize;

export fn __strftime_l(
    text: [*]u8,
    length: usize,
    format: [*:0]const u8,
    time: *const anyopaque,
    locale: *anyopaque,
) callconv(.c) usize {
    return strftime_l(text, length, format, time, locale);
}
