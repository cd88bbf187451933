// Watches a folder through the kernel's own inotify fd, which Bun alone could not wait for. Prints each file
// that is written there; Ctrl-C ends it. Needs glibc. Usage: bun examples/inotify.ts FOLDER
import { dlopen } from "bun:ffi";
import { instance, READ } from "bun-ioloop";
import { read, setNonBlocking, WOULD_BLOCK } from "bun-ioloop/io";

const IN_CLOSE_WRITE = 0x08;
/** An inotify event's fixed part: watch, mask, cookie and the length of the name that follows. */
const HEADER_BYTES = 16;
const LENGTH_OFFSET = 12;

const folder = process.argv[2] ?? ".";
const { symbols: libc } = dlopen("libc.so.6", {
  inotify_init: { args: [], returns: "i32" },
  inotify_add_watch: { args: ["i32", "ptr", "u32"], returns: "i32" },
});

const inotify = libc.inotify_init();
if (inotify < 0) throw new Error("this process may have no more inotify fds");
setNonBlocking(inotify);
if (libc.inotify_add_watch(inotify, Buffer.from(`${folder}\0`), IN_CLOSE_WRITE) < 0) {
  throw new Error(`${folder} cannot be watched`);
}

const buffer = Buffer.alloc(65_536);
const loop = instance();
loop.addHandler(inotify, READ, (fd) => {
  const count = read(fd, buffer);
  if (count === WOULD_BLOCK) return;
  for (let at = 0; at < count; ) {
    const end = at + HEADER_BYTES + buffer.readUInt32LE(at + LENGTH_OFFSET);
    console.log("written:", buffer.toString("utf8", at + HEADER_BYTES, end).replace(/\0+$/, ""));
    at = end;
  }
});

console.log(`watching ${folder}`);
loop.start();
