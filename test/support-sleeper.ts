/** A process that goes on until a signal ends it. Dispose of it with `using`. */
export class Sleeper implements Disposable {
  readonly process = Bun.spawn(["sleep", "60"], { stdio: ["ignore", "ignore", "ignore"] });
  readonly pid = this.process.pid;

  [Symbol.dispose](): void {
    this.process.kill("SIGKILL");
  }
}
