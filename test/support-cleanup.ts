// Runs once, after the last test of all files: only a preload (bunfig.toml) is told of that moment.
import { afterAll } from "bun:test";
import { removeInstalled } from "./support-package.ts";

afterAll(removeInstalled);
