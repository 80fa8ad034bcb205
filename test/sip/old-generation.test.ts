import { getHeapSpaceStatistics } from "node:v8";
import t from "tap";
import { answer, type CallText, inDialog, initial } from "../../bench/messages.ts";
import { makeNothingOld } from "../../src/heap.ts";
import { SipCore } from "../../src/sip/core.ts";
import type { Flow, Listener } from "../../src/sip/flow.ts";
import type { CoreHost } from "../../src/sip/host.ts";

const LISTENER: Listener = {
  ...({ transport: "udp", family: 4, address: "127.0.0.1", port: 5060 } as const),
  ...{ advertisedHost: "127.0.0.1", advertisedPort: 5060 },
};
const flowFrom = (remotePort: number): Flow => {
  return { listener: LISTENER, transport: "udp", remoteAddress: "127.0.0.1", remotePort, open: true };
};
const [CALLER, POOL] = [flowFrom(5070), flowFrom(5090)];
const NOTHING = (): void => {};

/** A core between a caller and a pool; calls of which so many wait for each answer at a time. */
class Traffic {
  waiting = 0;
  #toPool = "";
  #toCaller = "";
  #now = 0;
  #calls = 0;
  readonly #asked: { readonly call: CallText; readonly request: string }[] = [];
  readonly #ending: { readonly call: CallText; readonly request: string }[] = [];
  readonly #core: SipCore;

  constructor() {
    const target = { transport: "udp", address: "127.0.0.1", port: 5090, host: "pool.contoso.com" } as const;
    const host: CoreHost = {
      send: (flow, text) => {
        if (flow === POOL) this.#toPool = text;
        else this.#toCaller = text;
      },
      connect: () => POOL,
      locate: () => ({ ok: true, targets: [target] }),
      decide: () => ({ kind: "proxy", nextHops: ["sip:pool.contoso.com"], endpoint: "sip:ocschat@contoso.com" }),
      ...{ reached: NOTHING, event: NOTHING, inOrder: (targets) => targets, hears: () => false },
    };
    this.#core = new SipCore(host, { listeners: [LISTENER], key: [1, 2], routeKeys: [[3, 4]] });
  }

  /** One more call begins; those that waited longest go on. */
  step(): void {
    this.#now += 0.2;
    this.#core.tick(this.#now);
    const id = `c${this.#calls++}`;
    const call = { via: "UDP", local: "127.0.0.1:5070", id, to: "sip:ocschat@contoso.com" };
    this.#receive(initial("INVITE", call), CALLER);
    this.#asked.push({ call, request: this.#toPool });
    while (this.#asked.length > this.waiting) {
      const { call, request } = this.#asked.shift()!;
      this.#answer(call, request, true);
      const routes = linesOf(this.#toCaller, "Record-Route").replaceAll("Record-Route", "Route");
      const dialog = { target: "sip:pool@127.0.0.1:5090", routes, to: "<sip:ocschat@contoso.com>;tag=pool" };
      this.#receive(inDialog("ACK", call, dialog), CALLER);
      this.#receive(inDialog("BYE", call, dialog), CALLER);
      this.#ending.push({ call, request: this.#toPool });
    }
    while (this.#ending.length > this.waiting) {
      const { call, request } = this.#ending.shift()!;
      this.#answer(call, request, false);
    }
  }

  /** Nobody ever answers these calls. */
  forget(count: number): void {
    this.#asked.splice(0, count);
  }

  #answer(call: CallText, request: string, isInvite: boolean): void {
    const headers = {
      ...{ vias: linesOf(request, "Via"), recordRoutes: linesOf(request, "Record-Route") },
      ...{ from: `<sip:alice@contoso.com>;tag=f${call.id}`, to: "<sip:ocschat@contoso.com>" },
      ...{ callId: `${call.id}@127.0.0.1`, cseq: linesOf(request, "CSeq").slice("CSeq: ".length, -2) },
    };
    this.#receive(answer("200 OK", headers, "pool", "Contact: <sip:pool@127.0.0.1:5090>\r\n", isInvite), POOL);
  }

  #receive(text: string, flow: Flow): void {
    this.#core.receive(Buffer.from(text, "latin1"), flow, this.#now);
  }
}

function linesOf(text: string, name: string): string {
  let found = "";
  for (let at = text.indexOf(`\r\n${name}: `); at >= 0; at = text.indexOf(`\r\n${name}: `, at + 2)) {
    found += text.slice(at + 2, text.indexOf("\r\n", at + 2) + 2);
  }
  return found;
}

function oldBytes(): number {
  return getHeapSpaceStatistics().find(({ space_name }) => space_name === "old_space")!.space_used_size;
}

t.test("after a moment with thousands of calls at once, calls that end leave nothing behind for long", async (t) => {
  makeNothingOld();
  const traffic = new Traffic();
  traffic.waiting = 3000;
  for (let i = 0; i < 8000; i++) traffic.step();
  traffic.waiting = 7;
  traffic.forget(2000);
  for (let i = 0; i < 3000; i++) traffic.step();
  // A call makes some 40 kB of garbage. What gets old counts, also what a slow collection has taken meanwhile.
  let left = 0;
  const calls = 12_000;
  for (let i = 0, before = oldBytes(); i < calls; i++) {
    traffic.step();
    if (i % 100 !== 0) continue;
    const now = oldBytes();
    left += Math.max(0, now - before);
    before = now;
  }
  t.ok(left / calls < 5000, `${Math.round(left / calls)} bytes of each call`);
});
