/** User-mode qemu, by the processor that it acts. */
const EMULATORS: Readonly<Record<string, string>> = {
  x64: "qemu-x86_64",
  arm64: "qemu-aarch64",
};

/** The program that runs Linux programs for `arch` on any processor; undefined where there is none. */
export function emulator(arch: string): string | undefined {
  const name = EMULATORS[arch];
  const onLinux = process.platform === "linux";
  if (onLinux && name !== undefined && Bun.which(name) !== null) return name;
  const reason = onLinux ? `${name} is not installed` : `${name} runs on Linux alone`;
  console.log(`skipped: ${reason}, so nothing runs on an emulated ${arch}`);
  return undefined;
}
