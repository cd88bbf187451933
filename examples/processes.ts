// Waits for the end of any process by its pid, whoever started it. Usage: bun examples/processes.ts PID...
import { IOLoop } from "bun-ioloop";

const loop = new IOLoop();
let left = 0;
for (const pid of process.argv.slice(2).map(Number)) {
  try {
    loop.addChildHandler(pid, (_pid, status) => {
      console.log(`process ${pid} has ended`, status ?? "");
      left--;
      if (left === 0) loop.stop();
    });
    left++;
  } catch (error) {
    console.error(String(error));
  }
}
console.log(`waiting for ${left} processes`);
if (left > 0) loop.start();
loop.close();
