import { EndpointTable } from "../../src/endpoints/table.ts";
import { decide } from "../../src/routing/route.ts";
import { SipCore } from "../../src/sip/core.ts";
import type { Decision } from "../../src/sip/decision.ts";
import type { Flow, Listener, Target } from "../../src/sip/flow.ts";
import type { CoreHost, LocateResult } from "../../src/sip/host.ts";
import { KeyedHash } from "../../src/sip/keyed-hash.ts";
import { parseMessage } from "../../src/sip/parse.ts";
import { Timers } from "../../src/sip/timers.ts";
import { ackOfFailure, answer, type CallText, inDialog, initial } from "../messages.ts";
import { measure } from "./measure.ts";

/** What each part costs, in CPU nanoseconds; no sockets. */

const LISTENER: Listener = {
  transport: "udp",
  family: 4,
  address: "127.0.0.1",
  port: 5060,
  advertisedHost: "127.0.0.1",
  advertisedPort: 5060,
};
const POOL: Target = { transport: "udp", address: "127.0.0.1", port: 5090, host: "pool.contoso.com" };
const REDIRECT: Decision = {
  kind: "redirect",
  status: 302,
  contacts: ["sip:ocschat@pool.contoso.com"],
  endpoint: "sip:ocschat@contoso.com",
};
const PROXY: Decision = { kind: "proxy", nextHops: ["sip:pool.contoso.com"], endpoint: "sip:ocschat@contoso.com" };

function flowTo(port: number): Flow {
  return { listener: LISTENER, transport: "udp", remoteAddress: "127.0.0.1", remotePort: port, open: true };
}
const CLIENT = flowTo(5070);
const POOL_FLOW = flowTo(5090);

/** Takes what the core sends; the last datagram for each side stays. */
class Host implements CoreHost {
  toPool = "";
  toClient = "";
  private readonly decision: Decision;
  private readonly located: LocateResult = { ok: true, targets: [POOL] };

  constructor(decision: Decision) {
    this.decision = decision;
  }
  send(flow: Flow, text: string): void {
    if (flow === POOL_FLOW) this.toPool = text;
    else this.toClient = text;
  }
  connect(target: Target): Flow {
    return target.port === 5090 ? POOL_FLOW : CLIENT;
  }
  locate(): LocateResult {
    return this.located;
  }
  decide(): Decision {
    return this.decision;
  }
  reached(): void {}
  event(): void {}
  inOrder(targets: readonly Target[]): readonly Target[] {
    return targets;
  }
  hears(): boolean {
    return true;
  }
}

function call(i: number): CallText {
  return { via: "UDP", local: "127.0.0.1:5070", id: `b${i.toString(36)}`, to: "sip:ocschat@contoso.com" };
}

function redirected(): (i: number) => void {
  const host = new Host(REDIRECT);
  const core = new SipCore(host, { listeners: [LISTENER], key: [1, 2], routeKeys: [[3, 4]] });
  return (i) => {
    core.receive(Buffer.from(initial("INVITE", call(i)), "latin1"), CLIENT, i);
    core.receive(Buffer.from(ackOfFailure(call(i), `<sip:ocschat@contoso.com>;tag=x`), "latin1"), CLIENT, i);
  };
}

/** What making the messages of a call costs by itself. */
function texts(): (i: number) => void {
  return (i) => {
    Buffer.from(initial("INVITE", call(i)), "latin1");
    Buffer.from(ackOfFailure(call(i), `<sip:ocschat@contoso.com>;tag=x`), "latin1");
  };
}

/** INVITE 100 200 ACK INFO 200 BYE 200; 50 calls come in each millisecond, so that the timers run as in real life. */
function proxied(): (i: number) => void {
  const host = new Host(PROXY);
  const core = new SipCore(host, { listeners: [LISTENER], key: [1, 2], routeKeys: [[3, 4]] });
  let now = 0;
  const fromPool = (status: string, callText: CallText, withBody: boolean): void => {
    const vias = lines(host.toPool, "Via");
    const text = answer(
      status,
      {
        vias,
        recordRoutes: withBody ? lines(host.toPool, "Record-Route") : "",
        from: `"Alice Loadtest" <sip:alice@contoso.com>;tag=f${callText.id}`,
        to: "<sip:ocschat@contoso.com>",
        callId: `${callText.id}@127.0.0.1`,
        cseq: /CSeq: (.*)/.exec(host.toPool)![1]!,
      },
      "pt",
      "Contact: <sip:pool@127.0.0.1:5090>\r\n",
      withBody,
    );
    core.receive(Buffer.from(text, "latin1"), POOL_FLOW, now);
  };
  return (i) => {
    now += 0.2;
    core.tick(now);
    const callText = call(i);
    core.receive(Buffer.from(initial("INVITE", callText), "latin1"), CLIENT, now);
    fromPool("200 OK", callText, true);
    const routes = lines(host.toClient, "Record-Route").replaceAll("Record-Route", "Route");
    const dialog = { target: "sip:pool@127.0.0.1:5090", routes, to: "<sip:ocschat@contoso.com>;tag=pt" };
    for (const method of ["ACK", "INFO", "BYE"] as const) {
      core.receive(Buffer.from(inDialog(method, callText, dialog), "latin1"), CLIENT, now);
      if (method !== "ACK") fromPool("200 OK", callText, false);
    }
  };
}

function lines(text: string, name: string): string {
  const found = text.match(new RegExp(`^${name}: .*\r\n`, "gm"));
  return found?.join("") ?? "";
}

const OPTIONS = { defaultRoute: "reject" } as const;

function routing(rows: number): (i: number) => void {
  const table = new EndpointTable({
    revision: 1,
    endpoints: Array.from({ length: rows }, (_, i) => ({
      sipAddress: `sip:ocschat${i}@contoso.com`,
      poolFqdn: `pool${i % 50}.contoso.com`,
      mode: "redirect",
      redirectStatus: 302,
      transport: "auto",
      requestUri: "keep",
      enabled: true,
      version: 1,
    })),
  } as unknown as ConstructorParameters<typeof EndpointTable>[0]);
  return (i) => {
    // A multiplier that is prime to every size walks over all rows in no order that a cache would like.
    const requestUri = `sip:ocschat${(i * 7919) % rows}@contoso.com`;
    decide({ method: "INVITE", requestUri, transport: "udp", sourceAddress: "127.0.0.1" }, table, OPTIONS);
  };
}

function timers(): (i: number) => void {
  const wheel = new Timers();
  const owner = { timerFired() {} };
  const running = Array.from({ length: 10_000 }, () => wheel.start(32_000, owner, "B"));
  return (i) => {
    wheel.now = i / 100;
    const at = i % running.length;
    wheel.cancel(running[at]);
    running[at] = wheel.start(i % 2 === 0 ? 500 : 32_000, owner, "A");
    wheel.fireDue();
  };
}

const INVITE = Buffer.from(initial("INVITE", call(1)), "latin1");
const hash = new KeyedHash([1, 2]);

const ALL: Readonly<Record<string, () => (i: number) => unknown>> = {
  "parse an INVITE": () => () => parseMessage(INVITE),
  "keyed hash of 100 characters": () => {
    const text = "x".repeat(100);
    return () => hash.token(text);
  },
  "start, cancel and fire a timer among 10,000": timers,
  "route among 1 row": () => routing(1),
  "route among 100,000 rows": () => routing(100_000),
  "texts of a redirected call": texts,
  "redirected call: INVITE, ACK": redirected,
  "proxied call: 8 messages": proxied,
};

/** CPU nanoseconds of each bench whose name holds `only`. */
export function runMicro(only = ""): Record<string, number> {
  const results: Record<string, number> = {};
  for (const [name, make] of Object.entries(ALL)) {
    if (name.includes(only)) results[name] = Math.round(measure(make()));
  }
  return results;
}

if (process.argv[1] === import.meta.filename) console.table(runMicro(process.argv[2]));
