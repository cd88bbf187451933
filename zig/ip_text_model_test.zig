//! Addresses' texts against a reader that is slow and plain: it splits where the separators are.

const std = @import("std");
const testing = std.testing;

const Choices = @import("choices.zig");
const ip_text = @import("ip_text.zig");

const text_max = 64;

fn readIp4(text: []const u8) ?[4]u8 {
    var address: [4]u8 = undefined;
    var parts = std.mem.splitScalar(u8, text, '.');
    for (&address) |*byte| {
        const part = parts.next() orelse return null;
        if (part.len > 1 and part[0] == '0') return null;
        byte.* = digits(u8, part, 10) orelse return null;
    }
    return if (parts.next() == null) address else null;
}

fn readIp6(text: []const u8) ?[16]u8 {
    const gap = std.mem.find(u8, text, "::") orelse {
        const groups = readGroups(text) orelse return null;
        return if (groups.length == 8) groups.bytes() else null;
    };
    const head = readGroups(text[0..gap]) orelse return null;
    const tail = readGroups(text[gap + 2 ..]) orelse return null;
    if (std.mem.findScalar(u8, text[0..gap], '.') != null) return null;
    if (head.length + tail.length > 7) return null;
    var groups: Groups = .{ .length = 8 };
    @memcpy(groups.values[0..head.length], head.values[0..head.length]);
    @memcpy(groups.values[8 - tail.length ..], tail.values[0..tail.length]);
    return groups.bytes();
}

const Groups = struct {
    values: [8]u16 = @splat(0),
    length: usize = 0,

    fn append(groups: *Groups, value: u16) bool {
        if (groups.length == 8) return false;
        groups.values[groups.length] = value;
        groups.length += 1;
        return true;
    }

    fn bytes(groups: Groups) [16]u8 {
        var address: [16]u8 = undefined;
        for (groups.values, 0..) |value, at| {
            std.mem.writeInt(u16, address[2 * at ..][0..2], value, .big);
        }
        return address;
    }
};

/// None at all in an empty text; dotted decimal stands for the last two.
fn readGroups(text: []const u8) ?Groups {
    var groups: Groups = .{};
    if (text.len == 0) return groups;
    var parts = std.mem.splitScalar(u8, text, ':');
    while (parts.next()) |part| {
        if (parts.peek() == null and std.mem.findScalar(u8, part, '.') != null) {
            const ip4 = readIp4(part) orelse return null;
            for ([_]usize{ 0, 2 }) |at| {
                if (!groups.append(std.mem.readInt(u16, ip4[at..][0..2], .big))) return null;
            }
        } else if (part.len > 4 or !groups.append(digits(u16, part, 16) orelse return null)) {
            return null;
        }
    }
    return groups;
}

/// std also takes signs and underscores.
fn digits(comptime T: type, text: []const u8, base: u8) ?T {
    for (text) |byte| _ = std.fmt.charToDigit(byte, base) catch return null;
    return std.fmt.parseUnsigned(T, text, base) catch null;
}

fn check(choices: Choices) !void {
    var buffer: [text_max]u8 = undefined;
    const text = write(choices, &buffer);
    errdefer std.debug.print("\"{s}\"\n", .{text});
    try testing.expectEqual(readIp4(text), ip_text.parseIp4(text));
    const address = ip_text.parseIp6(text);
    try testing.expectEqual(readIp6(text), address);
    const decimal = if (text.len > 10) null else digits(u32, text, 10);
    try testing.expectEqual(decimal, ip_text.parseDecimal(text));
    if (address) |known| {
        var again: [ip_text.ip6_text_bytes_max]u8 = undefined;
        try testing.expectEqual(known, readIp6(again[0..ip_text.formatIp6(known, &again)]));
    }
}

/// A text that is an address, or nearly one.
fn write(choices: Choices, buffer: *[text_max]u8) []const u8 {
    const dotted = choices.lessThan(u8, 3) == 0;
    var text: std.Io.Writer = .fixed(buffer);
    const count = if (choices.boolean())
        choices.between(u8, 1, 10)
    else
        @as(u8, if (dotted) 4 else 8);
    for (0..count) |index| {
        const separator = if (dotted) "." else if (choices.lessThan(u8, 6) == 0) "::" else ":";
        const part = choices.of([]const u8, if (dotted) &decimal_parts else &hexadecimal_parts);
        if (index > 0) text.writeAll(separator) catch break;
        text.writeAll(part) catch break;
        if (choices.lessThan(u8, 40) > 0) continue;
        text.writeAll(choices.of([]const u8, &odd_parts)) catch break;
    }
    return text.buffered();
}

const decimal_parts = [_][]const u8{ "0", "1", "7", "10", "89", "100", "255", "256", "01" };
const hexadecimal_parts = [_][]const u8{ "0", "1", "f", "A", "0b", "0db8", "FfFf", "10000", "" };
const odd_parts = [_][]const u8{
    "::",    ":", ".", "1.2.3.4", "1.2", "%1", "g", "-1", "1_0", "+1", " ", "@", "`", "/",
    "00000", "0", "x",
};

test "a text is read, or refused, as a plain reader does it" {
    try Choices.repeat(check, 5000);
}
