//! A poller beside a model of what its kernel watches: real pipes and sockets, random steps, and
//! every record held against the state of the file that it tells of.

const std = @import("std");
const testing = std.testing;

const abi = @import("abi.zig");
const backend = @import("poller.zig").backend;
const Choices = @import("choices.zig");
const files = @import("model_files_test.zig");
const outcome = @import("outcome.zig");
const system = @import("system.zig");
const Bits = abi.Bits;
const File = files.File;
const Record = abi.Record;
const Word = abi.Word;

/// It lends a kqueue to Linux, and cannot see that an fd is closed.
const over_libkqueue = backend.kind == .kqueue and !system.on_macos;
const on_epoll = backend.kind == .epoll;

const steps_count = 10_000 * Choices.patience;

const World = struct {
    state: abi.State = undefined,
    batch: [count_all * abi.batch_entry_bytes]u8 align(8) = undefined,
    random: std.Random,
    slots: [slots_count]?File = @splat(null),
    /// Near its end, so that it begins anew on the way.
    generation: abi.Generation = std.math.maxInt(abi.Generation) - 200,
    wake_pending: bool = false,
    ever_woken: bool = false,
    met: Met = .{},

    const slots_count = 7;
    /// Room for every record, twice where a file has two filters, and for the wake.
    const count_all = 2 * slots_count + 1;

    const Met = struct { records: u32 = 0, ghosts: u32 = 0, wakes: u32 = 0, resets: u32 = 0 };

    fn step(world: *World) !void {
        const random = world.random;
        switch (random.uintLessThan(u8, 40)) {
            0...7 => return world.wait(count_all),
            8...10 => return world.serveInTurn(random.intRangeAtMost(u32, 1, 3)),
            11, 12 => return world.wake(),
            // It closes fds behind a closed queue later, whoever has them by then.
            13 => return if (!over_libkqueue and random.uintLessThan(u8, 8) == 0) world.reset(),
            else => {},
        }
        const slot = &world.slots[random.uintLessThan(usize, slots_count)];
        const file = if (slot.*) |*file| file else {
            slot.* = try File.open(random.enumValue(files.Kind));
            return;
        };
        switch (random.uintLessThan(u8, 20)) {
            0...4 => try world.add(file),
            5...7 => try world.update(file),
            8 => try world.remove(file),
            9...11 => try file.poke(),
            12, 13 => try file.drain(),
            14 => try file.fill(),
            15 => try file.empty(),
            16 => if (random.boolean()) file.closeFar(),
            17 => try file.share(),
            18 => {
                // A watched number that is closed is a program's mistake, or a duplicate's fate.
                if (over_libkqueue or random.boolean()) try world.remove(file);
                if (!file.closeNear(on_epoll)) slot.* = null;
            },
            else => {
                if (random.boolean()) try file.reopen() else if (!file.closeShared()) slot.* = null;
            },
        }
    }

    fn add(world: *World, file: *File) !void {
        if (file.near < 0) return;
        const next = world.generation +% 1;
        world.generation = if (next == abi.generation_own) 1 else next;
        const bits = if (world.random.uintLessThan(u8, 10) == 0) Bits{} else world.interest(file);
        const word: Word = .{ .bits = bits, .generation = world.generation };
        try testing.expectEqual(@as(i32, 0), backend.add(&world.state, file.near, word));
        file.entry = if (bits.none()) null else .{ .fd = file.near, .word = word };
    }

    fn update(world: *World, file: *File) !void {
        if (file.near < 0) return;
        var word: Word = .{ .bits = world.interest(file), .generation = 7 };
        const expected = if (file.entry) |entry| known: {
            word.generation = entry.word.generation;
            break :known 0;
        } else outcome.failure(.NOENT);
        try testing.expectEqual(expected, backend.update(&world.state, file.near, word));
        if (file.entry) |*entry| entry.* = .{ .fd = entry.fd, .word = word };
    }

    /// Also of what is not watched, or was closed: then it changes nothing.
    fn remove(world: *World, file: *File) !void {
        const fd = if (file.near >= 0) file.near else (file.entry orelse return).fd;
        if (file.near < 0 and files.isOpen(fd)) return;
        try testing.expectEqual(@as(i32, 0), backend.remove(&world.state, fd));
        if (file.near >= 0) file.entry = null;
    }

    fn wake(world: *World) !void {
        try testing.expectEqual(@as(i32, 0), backend.wake(world.state.wake_fd));
        world.wake_pending = true;
        world.ever_woken = true;
    }

    /// As the owner of the table does it: what is live comes back under its generation, but for a
    /// ONESHOT that has fired.
    fn reset(world: *World) !void {
        try testing.expectEqual(@as(i32, 0), backend.reset(&world.state));
        world.met.resets += 1;
        // Nobody reads the counter of an eventfd, and a kqueue's wake goes with it: the new queue
        // is woken once more where there was a wake before.
        world.wake_pending = world.wake_pending or world.ever_woken or !on_epoll;
        for (&world.slots) |*slot| {
            const file = if (slot.*) |*file| file else continue;
            const entry = file.entry orelse continue;
            file.entry = null;
            if (file.near < 0 or entry.fired) continue;
            const added = backend.add(&world.state, file.near, entry.word);
            try testing.expectEqual(@as(i32, 0), added);
            file.entry = .{ .fd = file.near, .word = entry.word };
        }
    }

    /// Waits for few at a time, as often as all that is ready needs: nobody may be left out.
    fn serveInTurn(world: *World, count_max: u32) !void {
        // It takes more from its own queue than fits, and what is edge-triggered of that is lost.
        if (over_libkqueue) return world.wait(count_all);
        // A kqueue counts filters, of which a file may have two.
        if (!on_epoll) return world.wait(count_max);
        var due: [slots_count]bool = @splat(false);
        var ready_count: u32 = @intFromBool(world.wake_pending);
        for (world.slots, &due) |slot, *is_due| {
            const file = slot orelse continue;
            const tells = file.tells();
            is_due.* = tells == .yes;
            ready_count += @intFromBool(tells != .no);
        }
        for (&world.slots) |*slot| if (slot.*) |*file| {
            file.told = false;
        };
        for (0..std.math.divCeil(u32, ready_count, count_max) catch unreachable) |_| {
            try world.wait(count_max);
        }
        for (world.slots, due) |slot, is_due| {
            if (is_due and !slot.?.told) return error.LeftOut;
        }
    }

    /// One wait, whose records must be what the files say: none missing unless the batch is full,
    /// none twice, none of what nobody watches.
    fn wait(world: *World, count_max: u32) !void {
        const count = backend.wait(&world.state, &world.batch, count_max, 0);
        try testing.expect(count >= 0);
        const records: [*]const Record = @ptrCast(&world.batch);
        const woken = world.state.woken == 1;
        if (woken and !world.wake_pending) return error.WokenByNobody;
        const full = count_max < count_all and (!on_epoll or
            @as(u32, @intCast(count)) + @intFromBool(woken) == count_max);
        if (!full and world.wake_pending and !woken) return error.WakeLost;
        if (woken) world.wake_pending = false;
        world.met.wakes += @intFromBool(woken);

        var seen: [slots_count]bool = @splat(false);
        for (records[0..@intCast(count)]) |record| {
            const at = world.find(record) orelse return error.RecordOfNobody;
            const file = &world.slots[at].?;
            if (seen[at]) return error.RecordTwice;
            seen[at] = true;
            try file.expectTold(record.word.bits, full);
            world.met.records += 1;
            world.met.ghosts += @intFromBool(file.near < 0);
        }
        for (&world.slots, seen) |*slot, was_told| if (slot.*) |*file| {
            if (!full and !was_told and file.tells() == .yes) return error.RecordMissing;
            file.settle(was_told, full);
        };
    }

    /// The file whose entry is of that number and generation.
    fn find(world: *World, record: Record) ?usize {
        for (world.slots, 0..) |slot, at| {
            const entry = (slot orelse continue).entry orelse continue;
            const same = entry.fd == record.fd and entry.word.generation == record.word.generation;
            if (same) return at;
        }
        return null;
    }

    fn interest(world: *World, file: *const File) Bits {
        var bits: Bits = switch (file.kind) {
            .socket => switch (world.random.uintLessThan(u8, 4)) {
                0 => .{ .read = true },
                1 => .{ .write = true },
                else => .{ .read = true, .write = true },
            },
            .reader => .{ .read = true },
            .writer => .{ .write = true },
        };
        switch (world.random.uintLessThan(u8, 14)) {
            0 => bits = .{ .err = true, .hang_up = true },
            1 => bits = .{ .hang_up = true, .one_shot = true },
            2, 3 => bits.edge = true,
            4, 5 => bits.one_shot = true,
            // Nobody sends urgent data here. kqueue has no filter for it everywhere.
            6 => bits.pri = on_epoll,
            7 => if (on_epoll) {
                bits = .{ .pri = true };
            },
            else => {},
        }
        return bits;
    }

    fn deinit(world: *World) void {
        for (&world.slots) |*slot| if (slot.*) |*file| file.close();
        backend.close(&world.state);
    }
};

test "every record is of what is watched, and says what its file is ready for" {
    var prng: std.Random.DefaultPrng = .init(testing.random_seed);
    var world: World = .{ .random = prng.random() };
    try testing.expectEqual(@as(i32, 0), backend.open(&world.state, false));
    defer world.deinit();
    for (0..steps_count) |number| {
        errdefer std.debug.print("--seed 0x{x}, step {d}\n", .{ testing.random_seed, number });
        try world.step();
    }
    // What such a run meets is several times as much.
    const met = world.met;
    try testing.expect(met.records > steps_count / 10);
    try testing.expect(met.wakes > steps_count / 100);
    if (!over_libkqueue) try testing.expect(met.resets > steps_count / 1000);
    if (on_epoll) try testing.expect(met.ghosts > steps_count / 200);
    try testing.expect(world.generation < std.math.maxInt(abi.Generation) / 2);
}
