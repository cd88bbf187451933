export fn ioloop_abi_version() callconv(.c) i32 {
    return 99;
}
