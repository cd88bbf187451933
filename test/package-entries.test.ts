import { expect, test } from "bun:test";
import { execute, installed, PACKAGE_MS, runProgram } from "./support-package.ts";

const ENTRIES = ["bun-ioloop", "bun-ioloop/io", "bun-ioloop/turbo"];

test(
  "import and require() of every entry point give one and the same module",
  async () => {
    const program = `
      for (const name of ${JSON.stringify([...ENTRIES, "bun-ioloop/package.json"])}) {
        const imported = await import(name);
        const required = require(name);
        const same = Object.keys(required).every((key) => imported[key] === required[key]);
        console.log(name, Object.keys(required).length > 0 && same);
      }
    `;
    const { project } = await installed();
    expect(await runProgram(project, "both.ts", program)).toBe(
      [...ENTRIES, "bun-ioloop/package.json"].map((name) => `${name} true\n`).join(""),
    );
  },
  PACKAGE_MS,
);

test(
  "a CommonJS file and an ES module share the thread's loop, through every entry point",
  async () => {
    const { project } = await installed();
    await Bun.write(
      `${project}/common.cjs`,
      `
        const { instance, READ } = require("bun-ioloop");
        const { pipe, read, write } = require("bun-ioloop/io");
        const [reader, writer] = pipe();
        instance().addHandler(reader, READ, (fd) => {
          console.log("read", read(fd, new Uint8Array(8)));
          instance().stop();
        });
        exports.loop = instance();
        exports.poke = () => write(writer, new Uint8Array(3));
      `,
    );
    const program = `
      import { instance, IOLoopError, READ } from "bun-ioloop";
      import { close } from "bun-ioloop/io";
      import { ioloop } from "bun-ioloop/turbo";
      import { loop, poke } from "./common.cjs";

      console.log(loop === instance(), ioloop.READ === READ);
      ioloop.instance().add_callback(poke);
      loop.start();
      try {
        close(-1);
      } catch (error) {
        console.log(error instanceof IOLoopError);
      }
    `;
    expect(await runProgram(project, "module.ts", program)).toBe("true true\nread 3\ntrue\n");
  },
  PACKAGE_MS,
);

test(
  "what the package keeps to itself cannot be imported",
  async () => {
    const program = `
      for (const name of ["bun-ioloop/native", "bun-ioloop/dist/native.js", "bun-ioloop/src/index.ts"]) {
        console.log(await import(name).then(() => "imported", (error) => error.code));
      }
    `;
    const { project } = await installed();
    expect(await runProgram(project, "inside.ts", program)).toBe(
      "ERR_MODULE_NOT_FOUND\n".repeat(3),
    );
  },
  PACKAGE_MS,
);

test(
  "on a platform without a library it can be imported, and a loop says why it cannot be made",
  async () => {
    const { project } = await installed();
    await Bun.write(
      `${project}/elsewhere.ts`,
      `Object.defineProperty(process, "platform", { value: "win32" });`,
    );
    const program = `
      import "./elsewhere.ts";
      import { IOLoopError, READ, instance } from "bun-ioloop";
      console.log(READ);
      try {
        instance();
      } catch (error) {
        console.log(error instanceof IOLoopError, error.code, error.message.includes("win32-"));
      }
    `;
    expect(await runProgram(project, "platform.ts", program)).toBe("1\ntrue ERR_PLATFORM true\n");
  },
  PACKAGE_MS,
);

test(
  "an error leads to the sources, without a warning",
  async () => {
    const { project } = await installed();
    await Bun.write(
      `${project}/stack.ts`,
      `
        import { IOLoop } from "bun-ioloop";
        try {
          new IOLoop().addHandler(9999, 1, () => {});
        } catch (error) {
          console.log(error);
        }
      `,
    );
    const { stdout, stderr } = await execute(project, [process.execPath, "stack.ts"]);
    expect(stderr).toBe("");
    expect(stdout).toMatch(/at addHandler .*bun-ioloop\/src\/basic-loop\.ts:\d+/);
  },
  PACKAGE_MS,
);
