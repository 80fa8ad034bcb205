import t from "tap";
import { exchangeUdp } from "../../src/locate/dns-exchange.ts";
import { encodeQuery, type Reply, readReply } from "../../src/locate/dns-message.ts";
import { Locator } from "../../src/locate/locator.ts";
import type { LocateQuery, LocateResult } from "../../src/locate/select.ts";
import type { TransportName } from "../../src/sip/flow.ts";
import { Dnsmasq } from "../support/dnsmasq.ts";

// A DNS server that nobody here wrote.
const big = Array.from({ length: 32 }, (_, index) => index);
const server = await Dnsmasq.start([
  "local-ttl=30",
  "naptr-record=contoso.test,10,10,s,SIPS+D2T,,_sips._tcp.contoso.test",
  "naptr-record=contoso.test,20,10,s,SIP+D2T,,_sip._tcp.contoso.test",
  "srv-host=_sips._tcp.contoso.test,fe1.contoso.test,5061,10,0",
  "srv-host=_sips._tcp.contoso.test,fe2.contoso.test,5061,20,0",
  "srv-host=_sip._tcp.contoso.test,fe1.contoso.test,5060,10,0",
  "srv-host=_sipinternaltls._tcp.lync.test,fe2.contoso.test,5061,0,0",
  "host-record=fe1.contoso.test,192.0.2.1,2001:db8::1",
  "host-record=fe2.contoso.test,192.0.2.2",
  "cname=alias.test,fe2.contoso.test",
  ...big.map((index) => `srv-host=_sip._tcp.big.test,member-${index}-of-the-pool.big.test,5060,${index},1`),
  ...big.map((index) => `host-record=member-${index}-of-the-pool.big.test,192.0.2.${100 + index}`),
]);
t.teardown(() => server.close());

function locator(transports: readonly TransportName[], clock: () => number = () => 0): Locator {
  const self = new Locator({
    hosts: [],
    servers: [{ host: "127.0.0.1", port: server.port }],
    waysOut: transports.flatMap((transport) => ([4, 6] as const).map((family) => ({ transport, family }))),
    clock,
  });
  t.teardown(() => self.close());
  return self;
}

async function targets(from: Locator, query: Partial<LocateQuery>): Promise<readonly string[] | string> {
  const result = await new Promise<LocateResult>((resolve) => {
    const atOnce = from.locate({ host: "contoso.test", secure: false, ...query }, resolve);
    if (atOnce !== undefined) resolve(atOnce);
  });
  if (!result.ok) return result.reason;
  return result.targets.map(({ transport, address, port }) => `${transport} ${address}:${port}`);
}

const tls = ["tls 192.0.2.1:5061", "tls [2001:db8::1]:5061", "tls 192.0.2.2:5061"].map((text) =>
  text.replace(/[[\]]/g, ""),
);

t.test("NAPTR, then SRV by priority, then addresses", async (t) => {
  t.same(await targets(locator(["udp", "tcp", "tls"]), {}), tls);
  t.same(await targets(locator(["udp", "tcp"]), {}), ["tcp 192.0.2.1:5060", "tcp 2001:db8::1:5060"]);
  t.same(await targets(locator(["tls"]), { secure: true }), tls);
});

t.test("Lync's _sipinternaltls, an alias, a name that is not there", async (t) => {
  const ours = locator(["udp", "tcp", "tls"]);
  t.same(await targets(ours, { host: "lync.test" }), ["tls 192.0.2.2:5061"]);
  t.same(await targets(ours, { host: "alias.test" }), ["udp 192.0.2.2:5060"]);
  t.equal(await targets(ours, { host: "nowhere.test" }), "nowhere.test does not exist in DNS");
});

t.test("an answer of 32 records, too big for UDP, comes whole over TCP", async (t) => {
  const question = { type: "SRV", name: "_sip._tcp.big.test" } as const;
  const overUdp = await new Promise<Reply | undefined>((resolve) => {
    const end = exchangeUdp({ host: "127.0.0.1", port: server.port }, encodeQuery(question, 1, true), {
      message: (bytes) => {
        end();
        resolve(readReply(bytes, question, 1));
      },
      failed: () => resolve(undefined),
    });
  });
  t.same(overUdp, { kind: "truncated" });
  const found = await targets(locator(["tcp"]), { host: "big.test", transport: "tcp" });
  t.same(
    found,
    big.map((index) => `tcp 192.0.2.${100 + index}:5060`),
  );
});

t.test("after the server is gone, its answers stand in", async (t) => {
  let time = 0;
  const ours = locator(["tls"], () => time);
  t.same(await targets(ours, {}), tls);
  await server.close();
  time = 31_000;
  t.same(await targets(ours, {}), tls);
});
