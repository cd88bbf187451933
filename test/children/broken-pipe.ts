// Writes where nobody reads any more, in a process where SIGPIPE has the disposition that is asked for.
import * as io from "../../src/io.ts";

const [disposition] = process.argv.slice(2);
const listener = (): void => console.log("SIGPIPE came");
if (disposition !== "ignored") process.on("SIGPIPE", listener);
// Bun puts the default action back, which ends the process.
if (disposition === "default") process.off("SIGPIPE", listener);

for (const make of [io.pipe, io.socketpair]) {
  const [reader, writer] = make();
  io.close(reader);
  try {
    io.write(writer, new Uint8Array(1));
  } catch (error) {
    console.log((error as { code?: string }).code);
  }
}
await Bun.sleep(20);
