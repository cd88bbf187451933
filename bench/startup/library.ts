import "bun-ioloop";
import { native } from "../../dist/native.js";

native();
