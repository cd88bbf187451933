//! Picks the backend. All of them declare the same names and give identical records; the check
//! below says which name one of them lacks.

const builtin = @import("builtin");

pub const backend = switch (builtin.os.tag) {
    .linux => @import("epoll.zig"),
    else => @compileError("no poller backend for " ++ @tagName(builtin.os.tag)),
};

const declarations = [_][]const u8{
    "Event",  "open",   "close", "expose", "add",
    "update", "remove", "reset", "wait",   "wake",
};

comptime {
    for (declarations) |name| {
        if (!@hasDecl(backend, name)) {
            @compileError(@typeName(backend) ++ " lacks the declaration '" ++ name ++ "'");
        }
    }
}
