const std = @import("std");

const Backend = enum { epoll, kqueue };

/// The libraries that the package carries, by the names that src/native.ts looks for. The CPU is
/// named, so that the file does not depend on the machine that built it, and so is the oldest macOS:
/// the one that Bun itself asks for.
const libraries = [_]struct { file: []const u8, backend: Backend, query: std.Target.Query }{
    .{ .file = "linux-x64.so", .backend = .epoll, .query = .{
        .cpu_arch = .x86_64,
        .cpu_model = .baseline,
        .os_tag = .linux,
        .abi = .none,
    } },
    .{ .file = "linux-arm64.so", .backend = .epoll, .query = .{
        .cpu_arch = .aarch64,
        .cpu_model = .baseline,
        .os_tag = .linux,
        .abi = .none,
    } },
    .{ .file = "darwin-x64.dylib", .backend = .kqueue, .query = .{
        .cpu_arch = .x86_64,
        .cpu_model = .baseline,
        .os_tag = .macos,
        .os_version_min = .{ .semver = macos_oldest },
    } },
    .{ .file = "darwin-arm64.dylib", .backend = .kqueue, .query = .{
        .cpu_arch = .aarch64,
        .cpu_model = .baseline,
        .os_tag = .macos,
        .os_version_min = .{ .semver = macos_oldest },
    } },
};

const macos_oldest: std.SemanticVersion = .{ .major = 13, .minor = 0, .patch = 0 };

pub fn build(b: *std.Build) void {
    const backend = b.option(Backend, "backend", "Build for this system alone, over this interface; " ++
        "kqueue on Linux needs libkqueue");
    const host_backend: Backend = backend orelse
        if (b.graph.host.result.os.tag == .linux) .epoll else .kqueue;
    const fuzz = b.option(bool, "fuzz", "Build the tests so that --fuzz=1M can run them") orelse
        false;

    if (backend == null) {
        const native = b.addUpdateSourceFiles();
        b.getInstallStep().dependOn(&native.step);
        for (libraries) |library| {
            const target = b.resolveTargetQuery(library.query);
            const made = addLibrary(b, target, library.backend);
            const path = b.fmt("native/{s}", .{library.file});
            native.addCopyFileToSource(made.getEmittedBin(), path);
        }
    } else {
        b.installArtifact(addLibrary(b, b.graph.host, host_backend));
    }

    const tests = b.addTest(.{
        .root_module = createTests(b, b.graph.host, host_backend),
        // The other backend does not tell the fuzzer what it reaches.
        .use_llvm = if (fuzz) true else null,
    });
    // With them, the test runner of Zig 0.16.0 does not compile for the fuzzer.
    if (fuzz) tests.root_module.error_tracing = false;
    const run_tests = b.addRunArtifact(tests);
    // The tests are about the kernel that runs them, so an old result says nothing.
    run_tests.has_side_effects = true;
    const test_step = b.step("test", "Run the Zig tests, and compile them for the other systems");
    test_step.dependOn(&run_tests.step);
    for (libraries) |library| {
        var query = library.query;
        // A program has to bring the C library that Bun brings for the library.
        if (query.os_tag == .linux) query.abi = .musl;
        const target = b.resolveTargetQuery(query);
        const compiled = b.addTest(.{ .root_module = createTests(b, target, library.backend) });
        test_step.dependOn(&compiled.step);
        // -fqemu: the other processor's tests run as well, under user-mode emulation.
        if (!b.enable_qemu or target.result.os.tag != .linux) continue;
        if (target.result.cpu.arch == b.graph.host.result.cpu.arch) continue;
        const run_emulated = b.addRunArtifact(compiled);
        run_emulated.has_side_effects = true;
        test_step.dependOn(&run_emulated.step);
    }
}

fn addLibrary(
    b: *std.Build,
    target: std.Build.ResolvedTarget,
    backend: Backend,
) *std.Build.Step.Compile {
    // Assertions stay on: in ReleaseFast a false one would be undefined behaviour.
    const module = createModule(b, target, backend, .ReleaseSafe);
    module.strip = true;
    // Nothing unwinds: a panic traps, and JavaScript's engine does not look into native frames.
    module.unwind_tables = .none;
    // Bounds are checked where memory is written, and macOS's canary costs a segment of 16 KiB.
    module.stack_protector = false;
    return b.addLibrary(.{ .name = "ioloop", .linkage = .dynamic, .root_module = module });
}

fn createTests(
    b: *std.Build,
    target: std.Build.ResolvedTarget,
    backend: Backend,
) *std.Build.Module {
    const module = createModule(b, target, backend, .Debug);
    module.link_libc = true;
    return module;
}

fn createModule(
    b: *std.Build,
    target: std.Build.ResolvedTarget,
    backend: Backend,
    optimize: std.builtin.OptimizeMode,
) *std.Build.Module {
    const module = b.createModule(.{
        .root_source_file = b.path("zig/ioloop.zig"),
        .target = target,
        .optimize = optimize,
    });
    const options = b.addOptions();
    options.addOption(Backend, "backend", backend);
    module.addOptions("build_options", options);
    if (backend == .kqueue and target.result.os.tag == .linux) {
        module.link_libc = true;
        module.linkSystemLibrary("kqueue", .{});
    }
    return module;
}
