// The source of a library that says it has another ABI version than the one that is wanted.
export fn ioloop_abi_version() callconv(.c) i32 {
    return 99;
}
