import { instance } from "bun-ioloop";

instance();
