import t from "tap";
import type { ListenConfig } from "../../src/config/config.ts";
import { selfTest } from "../../src/config/self.ts";
import type { Target } from "../../src/sip/flow.ts";

const listener: ListenConfig = {
  transport: "tcp",
  host: "127.0.0.1",
  port: 5060,
  advertise: { host: "gw.contoso.com" },
};

function isSelf(listen: Partial<ListenConfig>, host: string, port?: number, hosts: Record<string, Target[]> = {}) {
  return selfTest([{ ...listener, ...listen }], { hosts: new Map(Object.entries(hosts)) })(host, port);
}

t.test("the advertised name is ours, in any case, with or without its port", async (t) => {
  t.ok(isSelf({}, "gw.contoso.com"));
  t.ok(isSelf({}, "GW.Contoso.com."));
  t.ok(isSelf({}, "gw.contoso.com", 5060));
  t.notOk(isSelf({}, "gw.contoso.com", 5090));
  t.notOk(isSelf({}, "pcpool.contoso.com"));
});

t.test("the bound address is ours on its port; no port means 5060 (RFC 3261 §19.1.2)", async (t) => {
  t.ok(isSelf({}, "127.0.0.1"));
  t.ok(isSelf({}, "127.0.0.1", 5060));
  t.notOk(isSelf({}, "127.0.0.1", 5090));
  t.notOk(isSelf({ port: 5070 }, "127.0.0.1"));
  t.notOk(isSelf({}, "192.0.2.1"));
});

t.test("an IPv6 address is ours in each of its spellings", async (t) => {
  t.ok(isSelf({ host: "::1" }, "0:0:0:0:0:0:0:1", 5060));
});

t.test("with a wildcard every address of this machine is ours", async (t) => {
  t.ok(isSelf({ host: "0.0.0.0" }, "127.0.0.9"));
  t.ok(isSelf({ host: "::" }, "127.0.0.1"));
  t.notOk(isSelf({ host: "0.0.0.0" }, "192.0.2.1"));
});

t.test("a name whose static answer is a listener is ours, whatever it is called", async (t) => {
  const target = (port: number): Target => ({ transport: "tcp", address: "127.0.0.1", port, host: "pool.x" });
  t.ok(isSelf({}, "Pool.x", undefined, { "pool.x": [target(5090), target(5060)] }));
  t.notOk(isSelf({}, "pool.x", undefined, { "pool.x": [target(5090)] }));
});
