//! Picks the backend. All of them declare the same names and give identical records; the check
//! below says which name one of them lacks.

const build_options = @import("build_options");

const epoll = @import("epoll.zig");
const kqueue = @import("kqueue.zig");

pub const backend = switch (build_options.backend) {
    .epoll => epoll,
    .kqueue => kqueue,
};

const declarations = [_][]const u8{
    "kind",   "open",   "close", "expose", "add",
    "update", "remove", "reset", "wait",   "wake",
};

comptime {
    for ([_]type{ epoll, kqueue }) |candidate| {
        for (declarations) |name| {
            if (!@hasDecl(candidate, name)) {
                @compileError(@typeName(candidate) ++ " lacks the declaration '" ++ name ++ "'");
            }
        }
    }
}
