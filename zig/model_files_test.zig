//! One end of a pipe or of a pair of sockets, with what is known of it: what a poller that watches
//! it has to tell.

const std = @import("std");
const linux = std.os.linux;
const testing = std.testing;

const abi = @import("abi.zig");
const backend = @import("poller.zig").backend;
const outcome = @import("outcome.zig");
const system = @import("system.zig");
const calls = system.calls;
const Bits = abi.Bits;

const on_epoll = backend.kind == .epoll;

pub const Kind = enum { socket, reader, writer };

/// Whether it is told of by the next wait that has room for it. Of what happens at a file without
/// being asked for, an edge-triggered filter may tell as well.
pub const Tells = enum { no, maybe, yes };

/// What the kernel watches, under the number that the file had then.
pub const Entry = struct {
    fd: i32,
    word: abi.Word,
    /// A ONESHOT that has been told.
    fired: bool = false,
    /// Whether anything came since it was told: what an edge-triggered one waits for.
    fresh: Tells = .yes,

    fn edge(entry: Entry) bool {
        const bits = entry.word.bits;
        return bits.edge or !(bits.read or bits.pri or bits.write);
    }
};

pub const File = struct {
    kind: Kind,
    /// The watched number; -1 when it was closed and the file lives on under `shared`.
    near: i32,
    far: i32,
    shared: i32 = -1,
    entry: ?Entry = null,
    unread: bool = false,
    full: bool = false,
    /// The far end left with something unread.
    failed: bool = false,
    told: bool = false,

    pub fn open(kind: Kind) !File {
        var ends: [2]i32 = undefined;
        const made = switch (kind) {
            .socket => system.socketpair(calls.SOCK.STREAM, &ends),
            .reader, .writer => system.pipe(&ends),
        };
        try testing.expectEqual(@as(i32, 0), made);
        const near, const far = if (kind == .writer) .{ ends[1], ends[0] } else ends;
        return .{ .kind = kind, .near = near, .far = far };
    }

    pub fn close(file: *File) void {
        for ([_]*i32{ &file.near, &file.far, &file.shared }) |fd| {
            if (fd.* >= 0) system.close(fd.*);
            fd.* = -1;
        }
    }

    /// False when that was its last number, and the file is gone. `haunts`: a closed number's entry
    /// stays while its file lives.
    pub fn closeNear(file: *File, haunts: bool) bool {
        if (file.near >= 0) system.close(file.near);
        file.near = -1;
        if (!haunts) file.entry = null;
        if (file.shared < 0) file.close();
        return file.shared >= 0;
    }

    /// The same for its other number.
    pub fn closeShared(file: *File) bool {
        if (file.shared >= 0) system.close(file.shared);
        file.shared = -1;
        if (file.near < 0) file.close();
        return file.near >= 0;
    }

    pub fn share(file: *File) !void {
        if (file.shared < 0) file.shared = try duplicate(file.near);
    }

    /// Gives the file a number again: the one that its entry has, or any other without one.
    pub fn reopen(file: *File) !void {
        if (file.near >= 0) return;
        const entry = file.entry orelse {
            file.near = try duplicate(file.shared);
            return;
        };
        if (isOpen(entry.fd)) return;
        try replace(entry.fd, file.shared);
        file.near = entry.fd;
    }

    /// Writes to the other end.
    pub fn poke(file: *File) !void {
        if (file.kind == .writer or file.far < 0) return;
        const written = outcome.of(calls.write(file.far, "x", 1));
        if (outcome.errno(written) == .AGAIN) return;
        try testing.expectEqual(@as(i32, 1), written);
        // Of more in a pipe that is not empty, not every kernel tells.
        file.happened(.{ .read = file.kind == .socket or !file.unread });
        file.unread = true;
    }

    /// Reads all that is there.
    pub fn drain(file: *File) !void {
        if (file.kind == .writer) return;
        try readAll(file.any());
        file.unread = false;
        file.failed = false;
        file.passed();
    }

    /// Writes until no more fits.
    pub fn fill(file: *File) !void {
        if (file.kind == .reader or file.far < 0) return;
        const chunk: [16_384]u8 = @splat(0);
        const refused = while (true) {
            const written = outcome.of(calls.write(file.any(), &chunk, chunk.len));
            if (written < 0) break written;
        };
        try testing.expectEqual(outcome.failure(.AGAIN), refused);
        file.full = true;
        file.passed();
    }

    /// Has the other end read all of it.
    pub fn empty(file: *File) !void {
        if (file.kind == .reader or file.far < 0) return;
        try readAll(file.far);
        file.happened(.{ .write = file.full });
        file.full = false;
    }

    pub fn closeFar(file: *File) void {
        if (file.far < 0) return;
        system.close(file.far);
        file.far = -1;
        file.failed = file.kind == .socket and file.full;
        // Errors and hang-ups are watched whatever the interest.
        file.happened(.{ .err = true });
    }

    /// Something came of what `bits` say; perhaps of something else as well.
    fn happened(file: *File, bits: Bits) void {
        const entry = if (file.entry) |*entry| entry else return;
        const asked = entry.word.bits;
        const heard = bits.err or bits.read and asked.read or bits.write and asked.write;
        if (heard) entry.fresh = .yes;
        if (entry.fresh == .no) entry.fresh = .maybe;
    }

    /// What it was ready for is over. To epoll that is one with what it is still ready for; of
    /// kqueue's filters each has its own.
    fn passed(file: *File) void {
        file.happened(.{});
        if (!on_epoll) if (file.entry) |*entry| {
            entry.fresh = .maybe;
        };
    }

    /// What epoll says of its state: every bit of it.
    fn ready(file: *const File) Bits {
        const gone = file.far < 0;
        return switch (file.kind) {
            .socket => .{
                .read = file.unread or gone,
                .write = !file.full or gone,
                .err = file.failed,
                .hang_up = gone,
            },
            // To kqueue the end of a file is something to read.
            .reader => .{ .read = file.unread or gone and !on_epoll, .hang_up = gone },
            .writer => .{ .write = !file.full or gone and !on_epoll, .err = gone },
        };
    }

    /// What a record of it says at least; kqueue may add that something has ended.
    fn toldBits(file: *const File, asked: Bits) Bits {
        const state = file.ready();
        return .{
            .read = state.read and asked.read,
            .write = state.write and asked.write,
            .err = state.err and on_epoll,
            .hang_up = state.hang_up and on_epoll,
        };
    }

    pub fn tells(file: *const File) Tells {
        const entry = file.entry orelse return .no;
        if (entry.fired) return .no;
        if (!file.toldBits(entry.word.bits).none()) return if (entry.edge()) entry.fresh else .yes;
        const ended = !on_epoll and file.far < 0;
        return if (ended and (!entry.edge() or entry.fresh != .no)) .maybe else .no;
    }

    /// `full`: the batch may have had no room for a second filter's event.
    pub fn expectTold(file: *File, bits: Bits, full: bool) !void {
        const entry = file.entry.?;
        if (file.tells() == .no) return error.NothingToTell;
        const least = file.toldBits(entry.word.bits);
        if (on_epoll) {
            try testing.expectEqual(least, bits);
        } else {
            const asked = entry.word.bits;
            const ended = file.far < 0;
            try testing.expect(!bits.none() and !bits.pri);
            try testing.expect(ended or !(bits.err or bits.hang_up));
            try testing.expect(!bits.read or asked.read and file.ready().read);
            try testing.expect(!bits.write or asked.write and file.ready().write);
            // Each of two edge-triggered filters tells its own.
            const whole = !full and !entry.edge();
            if (whole) try testing.expect(!least.read or bits.read);
            if (whole) try testing.expect(!least.write or bits.write);
        }
    }

    /// After a wait, which has looked at everything unless it came back full.
    pub fn settle(file: *File, was_told: bool, full: bool) void {
        file.told = file.told or was_told;
        const entry = if (file.entry) |*entry| entry else return;
        if (was_told) {
            entry.fired = entry.word.bits.one_shot;
            // Of two filters one may be left.
            entry.fresh = if (full and !on_epoll) .maybe else .no;
        } else if (!full) {
            entry.fresh = .no;
        } else if (entry.fresh == .yes and file.tells() == .no) {
            entry.fresh = .maybe;
        }
    }

    /// A number of it.
    fn any(file: *const File) i32 {
        return if (file.near >= 0) file.near else file.shared;
    }
};

pub fn isOpen(fd: i32) bool {
    return outcome.of(calls.fcntl(fd, calls.F.GETFD, @as(usize, 0))) >= 0;
}

/// Closes `fd`, if it is open, and has its number name the open file of `other`.
pub fn replace(fd: i32, other: i32) !void {
    const replaced = outcome.of(if (system.on_macos)
        std.c.dup2(other, fd)
    else
        linux.dup3(other, fd, 0));
    try testing.expectEqual(fd, replaced);
}

fn duplicate(fd: i32) !i32 {
    const duplicated = outcome.of(calls.dup(fd));
    try testing.expect(duplicated >= 0);
    return duplicated;
}

/// Until there is no more, or an end; an error is found behind the last byte, and told once.
fn readAll(fd: i32) !void {
    var buffer: [65_536]u8 = undefined;
    while (true) {
        const count = outcome.of(calls.read(fd, &buffer, buffer.len));
        switch (outcome.errno(count)) {
            .SUCCESS => if (count == 0) return,
            .AGAIN => return,
            .CONNRESET => {},
            else => return error.Unreadable,
        }
    }
}
