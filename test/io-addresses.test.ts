import { expect, test } from "bun:test";
import type { Sender } from "../src/io.ts";
import * as io from "../src/io.ts";
import { Fds } from "./support.ts";
import { hasIpv6, LOOPBACK, onMacos } from "./support-system.ts";

const LOCAL = ["::1", "0:0:0:0:0:0:0:1", "::0.0.0.1", "0:0::0:0.0.0.1", `::1%${LOOPBACK}`];
const MAPPED = [
  "::ffff:127.0.0.1",
  "::FFFF:7f00:1",
  "0:0:0:0:0:ffff:127.0.0.1",
  `::ffff:127.0.0.1%${LOOPBACK}`,
];

test
  .skipIf(!hasIpv6)
  .each([
    ...LOCAL.map((written) => [written, "::1"]),
    ...MAPPED.map((written) => [written, "::ffff:127.0.0.1"]),
  ])("however an IPv6 address is written, it is the same: %s is %s", (written, canonical) => {
  using fds = new Fds();
  const here = fds.keep(io.listen({ hostname: written, type: "datagram" }));
  const there = { hostname: canonical, port: io.localPort(here) };
  io.send(here, new Uint8Array(1), there);
  const from: Sender = {};
  expect(io.receive(here, new Uint8Array(1), from)).toBe(1);
  // macOS binds a mapped address as the IPv4 one that it stands for, and tells its peers as such.
  const told = onMacos ? canonical.replace("::ffff:", "") : canonical;
  expect(from.hostname?.replace(/%.*/, "")).toBe(told);
  expect(from.port).toBe(there.port);
});

test.skipIf(!hasIpv6)(
  "an address that only begins like a mapped one is taken for what it is",
  () => {
    // Nobody here has it, which the kernel says; a parser that fails would say EINVAL.
    expect(() => io.listen({ hostname: "::ffff:1:2:3" })).toThrow(/EADDRNOTAVAIL/);
    expect(() => io.listen({ hostname: "1:2:3:4:5:6:1.2.3.4" })).toThrow(/EADDRNOTAVAIL/);
  },
);
