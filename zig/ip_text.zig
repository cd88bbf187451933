//! Numeric IP addresses between text and bytes: IPv4 in strict dotted decimal, IPv6 as RFC 4291
//! section 2.2 lets it be written and as RFC 5952 wants it to be written. Every text is either read
//! whole or refused; none can panic. Names, ports and scopes are the caller's.
//!
//! The standard library's way costs ten kilobytes, and pointers that every process must relocate.
//! Here one function reads digits and one writes them, both with the base at run time, and loops
//! end at what they find, not at a constant, so that the compiler neither copies nor unrolls them.

const std = @import("std");
const assert = std.debug.assert;

/// The longest texts: "255.255.255.255", eight groups of four digits, and a u32.
pub const ip4_text_bytes_max = 15;
pub const ip6_text_bytes_max = ip6_groups_count * 5 - 1;
pub const decimal_text_bytes_max = 10;

const ip6_groups_count = 8;

/// Four decimal numbers up to 255, without leading zeros, which some would read as octal (RFC 3986
/// section 3.2.2, RFC 6943 section 3.1.1).
pub fn parseIp4(text: []const u8) ?[4]u8 {
    // Too many numbers are counted, not stored: the first of them leave at the high end.
    var value: u32 = 0;
    var count: usize = 0;
    var rest = text;
    while (true) {
        const part = scan(rest, 10, 3);
        if (part.length == 0 or part.value > 255) return null;
        if (part.length > 1 and rest[0] == '0') return null;
        value = value << 8 | @as(u32, @intCast(part.value));
        count += 1;
        rest = rest[part.length..];
        if (rest.len == 0) break;
        if (rest[0] != '.') return null;
        rest = rest[1..];
    }
    if (count != 4) return null;
    return @bitCast(std.mem.nativeToBig(u32, value));
}

/// Groups of one to four hexadecimal digits. One "::" may stand for one group of zeros or more, and
/// dotted decimal for the last two groups.
pub fn parseIp6(text: []const u8) ?[16]u8 {
    // Groups gather at the low end. A "::" sets those before it aside, with their count.
    var value: u128 = 0;
    var count: usize = 0;
    var head: u128 = 0;
    var head_count: ?usize = null;
    var rest = text;
    if (rest.len > 0 and rest[0] == ':') {
        rest = rest[1..];
        if (rest.len == 0 or rest[0] != ':') return null;
    }
    while (rest.len > 0) {
        if (rest[0] == ':') { // The second one: every way here has taken one already.
            if (head_count != null) return null;
            head_count = count;
            head = value;
            value = 0;
            rest = rest[1..];
            if (rest.len == 0) break;
        }
        const group = scan(rest, 16, 4);
        if (group.length == 0) return null;
        if (group.length < rest.len and rest[group.length] == '.') {
            const ip4 = parseIp4(rest) orelse return null;
            value = value << 32 | std.mem.readInt(u32, &ip4, .big);
            count += 2;
            break;
        }
        value = value << 16 | group.value;
        count += 1;
        rest = rest[group.length..];
        if (rest.len == 0) break;
        if (rest.len == 1 or rest[0] != ':') return null;
        rest = rest[1..];
    }
    if (head_count) |before| {
        if (count >= ip6_groups_count) return null;
        // In two steps, because with nothing before the "::" it is a shift by all 128 bits.
        value |= head << @intCast(16 * (ip6_groups_count - 1 - before)) << 16;
    } else if (count != ip6_groups_count) return null;
    return @bitCast(std.mem.nativeToBig(u128, value));
}

/// Digits alone, ten at most. Leading zeros change nothing.
pub fn parseDecimal(text: []const u8) ?u32 {
    const number = scan(text, 10, decimal_text_bytes_max);
    if (number.length == 0 or number.length != text.len) return null;
    return std.math.cast(u32, number.value);
}

/// Writes to the start of `text`, which holds `ip4_text_bytes_max`; returns the bytes written.
pub noinline fn formatIp4(address: [4]u8, text: []u8) usize {
    assert(text.len >= ip4_text_bytes_max);
    const parts: [4]u32 = @as(@Vector(4, u8), address);
    const length = formatNumbers(&parts, 10, text);
    assert(length <= ip4_text_bytes_max);
    return length;
}

/// Writes to the start of `text`, which holds `ip6_text_bytes_max`; returns the bytes written.
pub fn formatIp6(address: [16]u8, text: []u8) usize {
    assert(text.len >= ip6_text_bytes_max);
    // RFC 5952 section 5: an embedded IPv4 address is shown where the prefix tells that it is one.
    if (std.mem.readInt(u128, &address, .big) >> 32 == 0xffff) {
        const prefix = "::ffff:";
        text[0..prefix.len].* = prefix.*;
        return prefix.len + formatIp4(address[12..].*, text[prefix.len..]);
    }
    const groups: Groups = std.mem.bigToNative(Groups, @bitCast(address));
    const numbers: [ip6_groups_count]u32 = @as(@Vector(ip6_groups_count, u32), groups);
    const gap = longestZeros(groups);
    var length = formatNumbers(numbers[0..gap.start], 16, text);
    if (gap.length > 0) {
        text[length..][0..2].* = "::".*;
        length += 2;
        length += formatNumbers(numbers[gap.start + gap.length ..], 16, text[length..]);
    }
    assert(length >= 2);
    assert(length <= ip6_text_bytes_max);
    return length;
}

/// Writes to the start of `text`, which holds the digits; returns how many there are.
pub fn formatDecimal(value: u32, text: []u8) usize {
    return formatNumbers(&.{value}, 10, text);
}

const Groups = @Vector(ip6_groups_count, u16);
const Gap = struct { start: usize, length: usize };

/// The zero groups that "::" stands for (RFC 5952 section 4.2): the longest run, the first of equal
/// ones, and none shorter than two. Without one, all groups come before it.
fn longestZeros(groups: Groups) Gap {
    // Bit n: the groups from n on are zeros, at first one of them, then one more at each turn.
    var starts: u8 = @bitCast(groups == @as(Groups, @splat(0)));
    var gap: Gap = .{ .start = 0, .length = 0 };
    while (starts != 0) : (starts &= starts >> 1) {
        gap = .{ .start = @ctz(starts), .length = gap.length + 1 };
    }
    return if (gap.length >= 2) gap else .{ .start = ip6_groups_count, .length = 0 };
}

const Scanned = struct { value: u64, length: usize };

/// The number that `text` begins with. Digits past `digits_max` are left to the caller, who then
/// finds them where a separator should be.
noinline fn scan(text: []const u8, base: u32, digits_max: u32) Scanned {
    assert(base == 10 or base == 16);
    assert(digits_max <= decimal_text_bytes_max);
    var number: Scanned = .{ .value = 0, .length = 0 };
    for (text[0..@min(text.len, digits_max)]) |byte| {
        // What is no digit wraps around, or saturates, to past every base.
        const digit = if (byte <= '9') byte -% '0' else (byte | 0x20) -% 'a' +| 10;
        if (digit >= base) break;
        number.value = number.value * base + digit;
        number.length += 1;
    }
    return number;
}

/// Writes the numbers with the separator that belongs to the base.
noinline fn formatNumbers(numbers: []const u32, base: u32, text: []u8) usize {
    assert(base == 10 or base == 16);
    var length: usize = 0;
    for (numbers, 0..) |number, index| {
        if (index > 0) {
            text[length] = if (base == 10) '.' else ':';
            length += 1;
        }
        var place: u32 = 1;
        while (number / place >= base) place *= base;
        while (place > 0) : (place /= base) {
            const digit: u8 = @intCast(number / place % base);
            text[length] = if (digit < 10) '0' + digit else 'a' - 10 + digit;
            length += 1;
        }
    }
    return length;
}

const testing = std.testing;
const oracle = std.Io.net;

/// std also takes a "::" for no groups, and knows dotted decimal behind "::ffff:" alone.
fn expectAgreement(text: []const u8) !void {
    const ip4: ?[4]u8 = if (oracle.Ip4Address.parse(text, 0)) |ip4| ip4.bytes else |_| null;
    try testing.expectEqual(ip4, parseIp4(text));
    const ip6 = parseIp6(text) orelse return;
    try testing.expectEqual((oracle.Ip6Address.parse(text, 0) catch return).bytes, ip6);
}

fn expectRoundTrip(address: [16]u8) !void {
    var buffer: [2][48]u8 = undefined;
    const text = buffer[0][0..formatIp6(address, buffer[0][0..ip6_text_bytes_max])];
    try testing.expectEqual(address, parseIp6(text));
    const unresolved: oracle.Ip6Address.Unresolved = .{ .bytes = address, .interface_name = null };
    try testing.expectEqualStrings(try std.fmt.bufPrint(&buffer[1], "{f}", .{unresolved}), text);
    const ip4 = address[12..].*;
    const text4 = buffer[1][0..formatIp4(ip4, buffer[1][0..ip4_text_bytes_max])];
    try testing.expectEqual(ip4, parseIp4(text4));
    try expectAgreement(text4);
}

/// Pairs: what is read, and how it is written. The last six are from RFC 5952 section 4.
const ip6_pairs =
    \\:: ::   ::1 ::1   1:: 1::                ::2:3:4:5:6:7:8 0:2:3:4:5:6:7:8
    \\1:2:3:4:5:6:7:: 1:2:3:4:5:6:7:0          ::ffff:0:1.2.3.4 ::ffff:0:102:304
    \\::1.2.3.4 ::102:304                      64:ff9b::192.0.2.33 64:ff9b::c000:221
    \\1:2:3:4:5:6:7.8.9.0 1:2:3:4:5:6:708:900  1:2:3:4:5::255.8.9.10 1:2:3:4:5:0:ff08:90a
    \\::FFFF:c000:221 ::ffff:192.0.2.33        ::fFfF:192.0.2.33 ::ffff:192.0.2.33
    \\2001:0db8::0001 2001:db8::1              2001:db8:0:0:0:0:2:1 2001:db8::2:1
    \\2001:db8::1:1:1:1:1 2001:db8:0:1:1:1:1:1 2001:0:0:1:0:0:0:1 2001:0:0:1::1
    \\2001:db8:0:0:1:0:0:1 2001:db8::1:0:0:1   2001:DB8::AaAa 2001:db8::aaaa
;

test "RFC 4291 is read, RFC 5952 is written, and a text cut anywhere agrees with std" {
    var buffer: [ip6_text_bytes_max]u8 = undefined;
    var words = std.mem.tokenizeAny(u8, ip6_pairs, " \n");
    while (words.next()) |text| {
        const address = parseIp6(text) orelse return error.Refused;
        try testing.expectEqualStrings(words.next().?, buffer[0..formatIp6(address, &buffer)]);
        for (0..text.len) |length| try expectAgreement(text[0..length]);
    }
}

test "what is no address, and what is no number, is refused" {
    var words = std.mem.tokenizeAny(u8,
        \\1 1.2.3 1.2.3.4.5 1.2.3.256 1.2.3.1000 01.2.3.4 1..2.3 .1.2.3.4 1.2.3.4. 1.2.3.0x4 1.2.3.a
        \\: ::: 1: :1 1::2::3 1:::2 12345:: 00001:: ::g ::@ ::` ::/ 1:2:3:4:5:6:7 1:2:3:4:5:6:7:8:9
        \\1::2:3:4:5:6:7:8 1:2:3:4:5:6:7:8:: 1:2:3:4:5:6:7:8: 1:2:3:4:5:6:7:1.2.3.4 fe80::1%1
        \\1:2:3:4:5:1.2.3.4 1:2:3:4:5:6::1.2.3.4 ::1.2.3 ::01.2.3.4 ::a.2.3.4 ::1.2.3.4:5 1.2.3.4::
    , " \n");
    while (words.next()) |text| {
        try testing.expectEqual(null, parseIp4(text));
        try testing.expectEqual(null, parseIp6(text));
    }
    var numbers = std.mem.splitScalar(u8, "|+1|1a|1_0|4294967296|9999999999|00000000001", '|');
    while (numbers.next()) |text| try testing.expectEqual(null, parseDecimal(text));
}

test "random addresses and numbers survive the trip; random text does no harm" {
    var prng: std.Random.DefaultPrng = .init(testing.random_seed);
    const random = prng.random();
    for (0..100_000) |_| {
        var groups: [ip6_groups_count]u16 = undefined;
        for (&groups) |*group| group.* = (random.int(u16) >> random.int(u4)) * random.int(u1);
        if (random.int(u3) == 0) groups[0..6].* = .{ 0, 0, 0, 0, 0, 0xffff };
        try expectRoundTrip(@bitCast(groups));
        var text: [ip6_text_bytes_max + 1]u8 = undefined;
        const number = random.int(u32) >> random.int(u5);
        try testing.expectEqual(number, parseDecimal(text[0..formatDecimal(number, &text)]));
        const some = text[0..random.uintAtMost(usize, text.len)];
        for (some) |*byte| byte.* = "0123456789abcdefF:.%g"[random.uintLessThan(usize, 21)];
        try expectAgreement(some);
        _ = parseDecimal(some);
    }
}
