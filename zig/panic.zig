//! What a failed assertion or a violated safety check does: one readable line and a trap. The checks
//! whose messages std formats are told plainly: formatting would be a seventh of the library.

const std = @import("std");

const system = @import("system.zig");

const plain = std.debug.FullPanic(call);
const stderr_fd = 2;

pub fn call(message: []const u8, _: ?usize) noreturn {
    @branchHint(.cold);
    for ([_][]const u8{ "bun-ioloop: panic: ", message, "\n" }) |text| {
        _ = system.calls.write(stderr_fd, text.ptr, text.len);
    }
    @trap();
}

pub fn sentinelMismatch(expected: anytype, _: @TypeOf(expected)) noreturn {
    call("sentinel mismatch", null);
}

pub fn unwrapError(_: anyerror) noreturn {
    call("attempt to unwrap an error", null);
}

pub fn outOfBounds(_: usize, _: usize) noreturn {
    call("index out of bounds", null);
}

pub fn startGreaterThanEnd(_: usize, _: usize) noreturn {
    call("start index is larger than end index", null);
}

pub fn inactiveUnionField(active: anytype, _: @TypeOf(active)) noreturn {
    call("access of an inactive union field", null);
}

pub fn sliceCastLenRemainder(_: usize) noreturn {
    call("slice length does not divide into elements", null);
}

pub const reachedUnreachable = plain.reachedUnreachable;
pub const unwrapNull = plain.unwrapNull;
pub const castToNull = plain.castToNull;
pub const incorrectAlignment = plain.incorrectAlignment;
pub const invalidErrorCode = plain.invalidErrorCode;
pub const integerOutOfBounds = plain.integerOutOfBounds;
pub const integerOverflow = plain.integerOverflow;
pub const shlOverflow = plain.shlOverflow;
pub const shrOverflow = plain.shrOverflow;
pub const divideByZero = plain.divideByZero;
pub const exactDivisionRemainder = plain.exactDivisionRemainder;
pub const integerPartOutOfBounds = plain.integerPartOutOfBounds;
pub const corruptSwitch = plain.corruptSwitch;
pub const shiftRhsTooBig = plain.shiftRhsTooBig;
pub const invalidEnumValue = plain.invalidEnumValue;
pub const forLenMismatch = plain.forLenMismatch;
pub const copyLenMismatch = plain.copyLenMismatch;
pub const memcpyAlias = plain.memcpyAlias;
pub const noreturnReturned = plain.noreturnReturned;
