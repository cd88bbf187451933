//! What the pure conversions between masks, filters and events must give, for events that no kernel
//! is asked for.

const std = @import("std");
const testing = std.testing;

const abi = @import("abi.zig");
const file_kind = @import("file_kind.zig");
const records = @import("kqueue_records.zig");
const Bits = abi.Bits;
const Directions = file_kind.Directions;
const Event = records.Event;
const FileKind = file_kind.FileKind;
const Filter = records.Filter;
const Flag = records.Flag;
const Note = records.Note;
const Registration = records.Registration;
const Word = abi.Word;

const connection_reset = 54;
const connection_refused = 61;

test "every interest mask maps to filters, their modes, and what comes back with their events" {
    const ends = [_]struct { FileKind, Directions }{
        .{ .socket, .{} },
        .{ .stream, .{} },
        .{ .stream, .{ .write = false } },
        .{ .stream, .{ .read = false } },
    };
    for (ends) |end| for (1..128) |pattern| {
        const kind, const directions = end;
        const bits: Bits = @bitCast(@as(u8, @intCast(pattern)));
        if (bits.none()) continue;
        var changes: [records.additions_max]Event = undefined;
        const word: Word = .{ .bits = bits, .generation = 0xabcdef };
        const added = records.additions(7, word, kind, directions, &changes);

        const alone = !bits.read and !bits.write;
        const pri = records.has_except and bits.pri and kind == .socket;
        try testing.expectEqual(bits.read or alone and directions.read, has(added, Filter.read));
        try testing.expectEqual(bits.write or alone and directions.write, has(added, Filter.write));
        try testing.expectEqual(pri, has(added, Filter.except));
        for (added) |change| {
            try testing.expectEqual(@as(usize, 7), change.ident);
            const fflags: u32 = if (change.filter == Filter.except) Note.out_of_band else 0;
            try testing.expectEqual(fflags, change.fflags);

            const asked = !alone and change.filter != Filter.except;
            const clear: u16 = if (bits.edge or !asked) Flag.clear else 0;
            const dispatch: u16 = if (bits.one_shot and asked) Flag.dispatch else 0;
            try testing.expectEqual(Flag.add | Flag.receipt | clear | dispatch, change.flags);

            try testing.expectEqual(Registration{
                .generation = 0xabcdef,
                .interest = bits,
                .stream = kind == .stream,
                .several = added.len > 1,
            }, @as(Registration, @bitCast(change.udata)));
        }
    };
}

fn has(changes: []const Event, filter: i16) bool {
    var count: usize = 0;
    for (changes) |change| count += @intFromBool(change.filter == filter);
    std.debug.assert(count <= 1);
    return count == 1;
}

/// An event, and what epoll tells of the same thing, in epoll's words.
const Case = struct {
    []const u8,
    struct { asked: []const u8, filter: i16, flags: u16 = 0, fflags: u32 = 0 },
    []const u8,
};

const socket_cases = [_]Case{
    .{ "data", .{ .asked = "IN", .filter = Filter.read }, "IN" },
    .{ "room", .{ .asked = "OUT", .filter = Filter.write }, "OUT" },
    .{ "data, of two", .{ .asked = "IN OUT", .filter = Filter.read }, "IN" },
    .{ "room, of two", .{ .asked = "IN OUT", .filter = Filter.write }, "OUT" },
    .{ "data nobody asked for", .{ .asked = "ERR HUP", .filter = Filter.read }, "" },
    .{ "room nobody asked for", .{ .asked = "ERR HUP", .filter = Filter.write }, "" },
    // READ cannot tell that the peer has closed, for it says the same of a half close.
    .{ "half close", .{ .asked = "IN", .filter = Filter.read, .flags = Flag.eof }, "IN" },
    .{ "half close", .{ .asked = "ERR HUP", .filter = Filter.read, .flags = Flag.eof }, "" },
    .{ "peer closed", .{ .asked = "OUT", .filter = Filter.write, .flags = Flag.eof }, "OUT HUP" },
    .{ "peer closed", .{ .asked = "HUP", .filter = Filter.write, .flags = Flag.eof }, "HUP" },
    .{ "refused connect", .{
        .asked = "OUT",
        .filter = Filter.write,
        .flags = Flag.eof,
        .fflags = connection_refused,
    }, "OUT ERR HUP" },
    .{ "reset", .{
        .asked = "IN",
        .filter = Filter.read,
        .flags = Flag.eof,
        .fflags = connection_reset,
    }, "IN ERR HUP" },
    .{ "reset", .{
        .asked = "ERR HUP",
        .filter = Filter.read,
        .flags = Flag.eof,
        .fflags = connection_reset,
    }, "ERR HUP" },
    .{ "urgent data", .{
        .asked = "PRI",
        .filter = Filter.except,
        .fflags = Note.out_of_band,
    }, "PRI" },
    .{ "plain data", .{ .asked = "PRI", .filter = Filter.except }, "" },
    .{ "half close", .{ .asked = "PRI", .filter = Filter.except, .flags = Flag.eof }, "" },
    // The number of this error has the bit that stands for urgent data.
    .{ "reset", .{
        .asked = "PRI",
        .filter = Filter.except,
        .flags = Flag.eof,
        .fflags = connection_reset,
    }, "ERR HUP" },
    .{ "failure", .{ .asked = "IN", .filter = Filter.read, .flags = Flag.@"error" }, "IN ERR" },
};

const stream_cases = [_]Case{
    .{ "data", .{ .asked = "IN", .filter = Filter.read }, "IN" },
    .{ "room", .{ .asked = "OUT", .filter = Filter.write }, "OUT" },
    .{ "data nobody asked for", .{ .asked = "ERR HUP", .filter = Filter.read }, "" },
    .{ "room nobody asked for", .{ .asked = "ERR HUP", .filter = Filter.write }, "" },
    .{ "writer gone", .{ .asked = "IN", .filter = Filter.read, .flags = Flag.eof }, "IN HUP" },
    .{ "writer gone", .{ .asked = "HUP", .filter = Filter.read, .flags = Flag.eof }, "HUP" },
    .{ "reader gone", .{ .asked = "OUT", .filter = Filter.write, .flags = Flag.eof }, "OUT ERR" },
    .{ "reader gone", .{ .asked = "ERR", .filter = Filter.write, .flags = Flag.eof }, "ERR" },
    // Whatever that word says, it is no error of a socket.
    .{ "writer gone", .{
        .asked = "IN",
        .filter = Filter.read,
        .flags = Flag.eof,
        .fflags = connection_reset,
    }, "IN HUP" },
    .{ "reader gone before", .{ .asked = "OUT", .filter = Filter.user }, "OUT ERR" },
    .{ "reader gone before", .{ .asked = "ERR", .filter = Filter.user }, "ERR" },
};

test "an event tells what epoll tells, whatever the mode" {
    for (socket_cases) |case| try expectTold(case, false);
    for (stream_cases) |case| try expectTold(case, true);
}

fn expectTold(case: Case, stream: bool) !void {
    const name, const given, const told = case;
    for ([_]Bits{ .{}, .{ .edge = true }, .{ .one_shot = true } }) |mode| {
        const registration: Registration = .{
            .generation = 1,
            .interest = records.join(bitsOf(given.asked), mode),
            .stream = stream,
        };
        const event: Event = .{
            .ident = 7,
            .filter = given.filter,
            .flags = given.flags | Flag.receipt,
            .fflags = given.fflags,
            .udata = @bitCast(registration),
        };
        testing.expectEqual(bitsOf(told), records.fromKernel(&event)) catch |unequal| {
            std.debug.print("{s}, asked for {s}\n", .{ name, given.asked });
            return unequal;
        };
    }
}

/// epoll's names of what a record tells, as its bits.
fn bitsOf(names: []const u8) Bits {
    var bits: Bits = .{};
    var each = std.mem.tokenizeScalar(u8, names, ' ');
    while (each.next()) |name| switch (name[0]) {
        'I' => bits.read = true,
        'P' => bits.pri = true,
        'O' => bits.write = true,
        'E' => bits.err = true,
        'H' => bits.hang_up = true,
        else => unreachable,
    };
    return bits;
}
