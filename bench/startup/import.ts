import "bun-ioloop";
