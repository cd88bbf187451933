import { rmSync } from "node:fs";
import { join } from "node:path";
import { copyOfProject, elsewhere, outputOf } from "./support-package.ts";

/** Waits for a pipe; prints how much came, or why no loop could be made. */
const PROGRAM = `
  import { instance, READ } from "bun-ioloop";
  import { pipe, read, write } from "bun-ioloop/io";
  try {
    const loop = instance();
    const [reader, writer] = pipe();
    loop.addHandler(reader, READ, (fd) => {
      console.log("read", read(fd, new Uint8Array(8)));
      loop.stop();
    });
    write(writer, new Uint8Array(3));
    loop.start();
  } catch (error) {
    console.log(error.code, error.message);
  }
`;

/** What the built program prints when all is well. */
export const WORKS = "read 3\n";

/** Builds the program into a folder of its own, and takes the project and its packages away. */
export async function build(...options: string[]): Promise<string> {
  const project = await copyOfProject();
  await Bun.write(join(project, "app.ts"), PROGRAM);
  const output = elsewhere();
  const target = options.includes("--compile")
    ? ["--outfile", join(output, "app")]
    : ["--outdir", output];
  await outputOf(project, [process.execPath, "build", ...options, ...target, "app.ts"]);
  rmSync(project, { recursive: true });
  return output;
}
