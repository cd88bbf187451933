//! The wakers of the whole process: a thread wakes another one's loop by a number. A number is no fd.
//! It names a cell of this table and the cell's generation, so that one whose waker was closed names
//! nothing any more, whoever has the cell now. The table is one per process by nature.

const std = @import("std");
const assert = std.debug.assert;

const abi = @import("abi.zig");
const outcome = @import("outcome.zig");
const poller = @import("poller.zig").backend;
const Lock = @import("threads.zig").Lock;

const cells_max = 16_384;

const Cell = struct {
    /// Held while the loop is woken: it may not close meanwhile.
    lock: Lock = .{},
    /// Whom to wake; null in a free cell.
    state: ?*abi.State = null,
    generation: u32 = 0,
    /// Woken, and the loop has not looked yet: more wakes add nothing.
    pending: bool = false,
    next_free: u16 = 0,
};

/// For who gets and gives back cells.
var table_lock: Lock = .{};
var cells: [cells_max]Cell = @splat(.{});
var used_count: u16 = 0;
/// One more than the free cell to take next; 0: none was given back.
var free_first: u16 = 0;

/// Makes a waker of the loop; `id` is then its number. Returns 0, or -ENOSPC when there are too many.
pub fn open(state: *abi.State, id: *f64) i32 {
    table_lock.take();
    defer table_lock.release();
    var index = free_first;
    if (index != 0) {
        index -= 1;
        free_first = cells[index].next_free;
    } else {
        if (used_count == cells_max) return outcome.failure(.NOSPC);
        index = used_count;
        used_count += 1;
    }
    const cell = &cells[index];
    cell.lock.take();
    defer cell.lock.release();
    assert(cell.state == null);
    cell.generation +%= 1;
    cell.state = state;
    cell.pending = false;
    // Exact: 32 bits of generation and 14 of index.
    id.* = @floatFromInt(@as(u64, cell.generation) * cells_max + index);
    return 0;
}

/// Wakes the loop. False when nobody has that number.
pub fn wake(id: f64) bool {
    const cell = find(id) orelse return false;
    defer cell.lock.release();
    if (cell.pending) return true;
    cell.pending = poller.wake(cell.state.?.wake_fd) == 0;
    return cell.pending;
}

/// Whether it was woken since the last look. For the loop's own thread, after a wait was woken.
pub fn take(id: f64) bool {
    const cell = find(id) orelse return false;
    defer cell.lock.release();
    const pending = cell.pending;
    cell.pending = false;
    return pending;
}

/// False when it is closed already.
pub fn close(id: f64) bool {
    table_lock.take();
    defer table_lock.release();
    const cell = find(id) orelse return false;
    defer cell.lock.release();
    free(cell);
    return true;
}

/// Closes every waker of a loop that is about to close.
pub fn closeAll(state: *abi.State) void {
    table_lock.take();
    defer table_lock.release();
    for (cells[0..used_count]) |*cell| {
        cell.lock.take();
        defer cell.lock.release();
        if (cell.state == state) free(cell);
    }
}

fn free(cell: *Cell) void {
    const index: u16 = @intCast(cell - &cells[0]);
    cell.state = null;
    cell.next_free = free_first;
    free_first = index + 1;
}

/// The cell that `id` names, locked; null where it names none.
fn find(id: f64) ?*Cell {
    if (!(id >= 0 and id < (1 << 46))) return null;
    const number: u64 = @intFromFloat(id);
    if (@as(f64, @floatFromInt(number)) != id) return null;
    const cell = &cells[@intCast(number % cells_max)];
    cell.lock.take();
    if (cell.state != null and cell.generation == number / cells_max) return cell;
    cell.lock.release();
    return null;
}

const testing = std.testing;

test "a waker wakes its own loop, once for many wakes, until it is closed" {
    var state: abi.State = undefined;
    try testing.expectEqual(@as(i32, 0), poller.open(&state, false));
    defer poller.close(&state);
    var batch: [abi.batch_entry_bytes]u8 align(8) = undefined;
    var id: f64 = undefined;
    try testing.expectEqual(@as(i32, 0), open(&state, &id));
    try testing.expect(!take(id));
    try testing.expect(wake(id));
    try testing.expect(wake(id));
    try testing.expectEqual(@as(i32, 0), poller.wait(&state, &batch, 1, std.time.ns_per_s));
    try testing.expectEqual(@as(i32, 1), state.woken);
    try testing.expect(take(id));
    try testing.expect(!take(id));
    try testing.expect(wake(id));
    try testing.expect(close(id));
    try testing.expect(!close(id));
    try testing.expect(!wake(id));
    try testing.expect(!take(id));
}

test "a number that was closed names nothing, though its cell is used again" {
    var state: abi.State = undefined;
    try testing.expectEqual(@as(i32, 0), poller.open(&state, false));
    defer poller.close(&state);
    var first: f64 = undefined;
    var second: f64 = undefined;
    try testing.expectEqual(@as(i32, 0), open(&state, &first));
    try testing.expect(close(first));
    try testing.expectEqual(@as(i32, 0), open(&state, &second));
    try testing.expect(first != second);
    try testing.expect(!wake(first));
    try testing.expect(wake(second));
    closeAll(&state);
    try testing.expect(!wake(second));
}

test "what is no number of a waker wakes nobody" {
    const none = [_]f64{ -1, 0.5, 1e300, std.math.inf(f64), std.math.nan(f64), 1 << 45 };
    for (none) |id| try testing.expect(!wake(id));
}

test "the table has an end, and room again once one is closed" {
    var state: abi.State = .{};
    var id: f64 = undefined;
    var last: f64 = undefined;
    while (open(&state, &id) == 0) last = id;
    try testing.expectEqual(outcome.failure(.NOSPC), open(&state, &id));
    try testing.expect(close(last));
    try testing.expectEqual(@as(i32, 0), open(&state, &id));
    closeAll(&state);
}
