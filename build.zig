const std = @import("std");

/// The libraries that the package carries, by the names that src/native.ts looks for. The CPU is
/// named, so that the file does not depend on the machine that built it.
const libraries = [_]struct { file: []const u8, query: std.Target.Query }{
    .{ .file = "linux-x64.so", .query = .{
        .cpu_arch = .x86_64,
        .cpu_model = .baseline,
        .os_tag = .linux,
        .abi = .none,
    } },
    .{ .file = "linux-arm64.so", .query = .{
        .cpu_arch = .aarch64,
        .cpu_model = .baseline,
        .os_tag = .linux,
        .abi = .none,
    } },
};

pub fn build(b: *std.Build) void {
    const native = b.addUpdateSourceFiles();
    b.getInstallStep().dependOn(&native.step);
    for (libraries) |library| {
        const artifact = b.addLibrary(.{
            .name = "ioloop",
            .linkage = .dynamic,
            .root_module = b.createModule(.{
                .root_source_file = b.path("zig/ioloop.zig"),
                .target = b.resolveTargetQuery(library.query),
                // Assertions stay on: in ReleaseFast a false one would be undefined behaviour.
                .optimize = .ReleaseSafe,
                .strip = true,
            }),
        });
        native.addCopyFileToSource(artifact.getEmittedBin(), b.fmt("native/{s}", .{library.file}));
    }

    const tests = b.addTest(.{ .root_module = b.createModule(.{
        .root_source_file = b.path("zig/ioloop.zig"),
        .target = b.graph.host,
        .optimize = .Debug,
    }) });
    const run_tests = b.addRunArtifact(tests);
    // The tests are about the kernel that runs them, so an old result says nothing.
    run_tests.has_side_effects = true;
    b.step("test", "Run the Zig tests").dependOn(&run_tests.step);
}
