import { dialogRequest, SimActor, type SimDialog, type SimSetting } from "./sim-actor.ts";
import { SimMessage, uriOf, writeReply } from "./sim-message.ts";
import type { UasTransaction } from "./sim-transactions.ts";

/** What a server makes of an INVITE: accepts it in one of several ways, keeps quiet, or answers with that status. */
export type InviteMood =
  | "accepts"
  | "accepts late"
  | "accepts twice"
  | "wakes late"
  | "rings long"
  | "rings for ever"
  | "only tries"
  | "silent"
  | Rejection;

/** What a server makes of any other request outside of a dialog. */
export type OtherMood = "accepts" | "accepts late" | "silent" | Rejection;

export type Rejection = "302" | "401" | "403" | "404" | "407" | "408" | "486" | "500" | "503" | "600" | "603";

/** What a server sends besides its answers, or in their place. */
export type Oddity =
  /** Each final answer twice at once, and again after every transaction has ended. */
  | "twice and late"
  /** A final answer of another kind right behind the first. */
  | "changes its mind"
  /** Answers of nobody's: another branch, another method in CSeq, a status that does not exist. */
  | "answers others"
  /** Its final answers lack the caller's Via, or have another CSeq number. */
  | "garbles";

export const ODDITIES: readonly Oddity[] = ["twice and late", "changes its mind", "answers others", "garbles"];

export interface PoolMood {
  readonly oddity: Oddity | undefined;
  readonly invite: InviteMood;
  readonly other: OtherMood;
  /** ms from a request to its answer. */
  readonly answersAfter: number;
  /** Sends 100 and, before it accepts an INVITE, 180. */
  readonly provisionals: boolean;
  /** Sends 100 to a non-INVITE after 3.5 s (RFC 4320 §4.1). */
  readonly rfc4320: boolean;
  /** Answers a CANCEL with 200 and does nothing else. */
  readonly ignoresCancel: boolean;
  /** The status for an INFO of the client inside a dialog. */
  readonly info: 200 | 401 | 500 | 503;
}

interface Leg {
  readonly dialog: SimDialog;
  readonly script: string;
  invite: UasTransaction | undefined;
  ended: boolean;
}

/** A server of a Persistent Chat pool, as strange as its mood. */
export class SimPool extends SimActor {
  readonly mood: PoolMood;
  readonly transport: "udp" | "tcp";
  readonly #legs = new Map<string, Leg>();
  #tags = 0;

  constructor(setting: SimSetting, name: string, ip: string, transport: "udp" | "tcp", mood: PoolMood) {
    super(setting, name, ip);
    this.transport = transport;
    this.mood = mood;
  }

  /** The dialogs in which this server still takes itself to be. */
  get openLegs(): number {
    return [...this.#legs.values()].filter((leg) => !leg.ended).length;
  }

  protected override requestReceived(request: SimMessage, transaction: UasTransaction): void {
    const { oddity } = this.mood;
    if (oddity !== undefined) transaction.alter = (response) => this.#oddly(oddity, transaction, response);
    if (request.toTag !== "") this.#inDialog(request, transaction);
    else if (request.method === "INVITE") this.#invited(request, transaction);
    else this.#asked(request, transaction);
  }

  protected override ackReceived(ack: SimMessage): void {
    const leg = this.#legs.get(`${ack.callId} ${ack.toTag}`);
    const unsure = this.mood.oddity === "changes its mind";
    if (leg === undefined && !unsure) this.setting.violation(`${this.name} got the ACK of a dialog that it is not in`);
    leg?.invite?.acknowledge();
  }

  protected override cancelReceived(invite: UasTransaction): void {
    if (this.mood.ignoresCancel) this.setting.note("CANCEL ignored by a pool");
    else invite.respond(writeReply(invite.request, 487, this.#tag()));
  }

  /** What goes out in the place of a response. */
  #oddly(oddity: Oddity, transaction: UasTransaction, response: SimMessage): readonly SimMessage[] {
    const { setting } = this;
    const { request } = transaction;
    if (response.status < 200) return [response];
    setting.note(`pool that ${oddity}`);
    switch (oddity) {
      case "twice and late":
        setting.clock.after(40_000, () => transaction.respondBeside(response));
        return [response, response];
      case "changes its mind":
        return [response, writeReply(request, response.status < 300 ? 486 : 200, response.toTag, [this.#contact])];
      case "answers others": {
        const { text } = response;
        const strange = [
          text.replace(/;branch=[^;\r]+/, ";branch=z9hG4bKnobody"),
          text.replace(/^CSeq: (\d+) .*$/m, "CSeq: $1 NOTIFY"),
          text.replace(/^SIP\/2.0 \d+/, "SIP/2.0 999"),
        ];
        return [...strange.map((one) => new SimMessage(one)), response];
      }
      case "garbles": {
        const { text } = response;
        const garbled =
          request.cseq % 2 === 0
            ? text.replace(/^(Via: .*\r\n)(?:Via: .*\r\n)+/m, "$1")
            : text.replace(/^CSeq: \d+/m, "CSeq: 99");
        return [new SimMessage(garbled)];
      }
    }
  }

  #invited(request: SimMessage, transaction: UasTransaction): void {
    const { mood, setting } = this;
    const { clock } = setting;
    const { invite, answersAfter } = mood;
    if (invite === "silent") return;
    const late = invite === "accepts late" || invite === "wakes late";
    if (!late && (mood.provisionals || invite === "only tries")) {
      transaction.respond(writeReply(request, 100, ""));
    }
    if (invite === "only tries") return;
    const tag = this.#tag();
    const ring = (): void => transaction.respond(writeReply(request, 180, tag, [this.#contact]));
    if (invite === "wakes late") {
      clock.after(4500 + answersAfter, () => transaction.final === undefined && ring());
      clock.after(8500 + answersAfter, () => this.#accept(request, transaction, tag));
      return;
    }
    if (invite === "rings for ever") {
      clock.after(answersAfter, ring);
      return;
    }
    if (invite === "rings long") {
      for (const at of [100, 60_000, 120_000, 180_000]) {
        clock.after(at, () => transaction.final === undefined && ring());
      }
      clock.after(100_000 + 10 * answersAfter, () => this.#accept(request, transaction, tag));
      return;
    }
    if (/^\d/.test(invite)) {
      clock.after(answersAfter, () => {
        if (transaction.final === undefined) transaction.respond(this.#reject(request, Number(invite)));
      });
      return;
    }
    if (!late && mood.provisionals) clock.after(answersAfter >> 1, ring);
    clock.after(late ? 5000 + 5 * answersAfter : answersAfter, () => this.#accept(request, transaction, tag));
    if (invite === "accepts twice") {
      clock.after(answersAfter + 700, () => this.#acceptBeside(request, transaction));
    }
  }

  #accept(request: SimMessage, transaction: UasTransaction, tag: string): void {
    if (transaction.final !== undefined) return;
    const leg = this.#open(request, tag);
    leg.invite = transaction;
    transaction.respond(writeReply(request, 200, tag, [this.#contact, "Supported: timer"], "v=0\r\n"), () => {
      this.setting.note("2xx never acknowledged");
      this.#send(leg, "BYE");
      leg.ended = true;
    });
  }

  /** A second 2xx with a tag of its own, as a forking proxy behind the pool would cause it (§13.2.2.4). */
  #acceptBeside(request: SimMessage, transaction: UasTransaction): void {
    if (transaction.final?.status !== 200) return;
    const tag = this.#tag();
    this.#open(request, tag);
    this.setting.note("second 2xx");
    transaction.respondBeside(writeReply(request, 200, tag, [this.#contact], "v=0\r\n"));
  }

  #asked(request: SimMessage, transaction: UasTransaction): void {
    const { mood, setting } = this;
    const { other } = mood;
    if (other === "silent") return;
    const after = other === "accepts late" ? 2000 + 5 * mood.answersAfter : mood.answersAfter;
    if (mood.rfc4320) {
      setting.clock.after(3500, () => {
        if (transaction.final === undefined) transaction.respond(writeReply(request, 100, ""));
      });
    }
    setting.clock.after(after, () => {
      if (/^\d/.test(other)) transaction.respond(this.#reject(request, Number(other)));
      else if (request.method === "BYE") transaction.respond(writeReply(request, 481, this.#tag()));
      else if (request.method !== "SUBSCRIBE") transaction.respond(writeReply(request, 200, this.#tag()));
      else {
        const tag = this.#tag();
        const leg = this.#open(request, tag);
        transaction.respond(writeReply(request, 200, tag, [this.#contact, "Expires: 3600"]));
        this.#send(leg, "NOTIFY", ["Event: presence", "Subscription-State: active;expires=3600"]);
      }
    });
  }

  #inDialog(request: SimMessage, transaction: UasTransaction): void {
    const leg = this.#legs.get(`${request.callId} ${request.toTag}`);
    const { method } = request;
    if (leg === undefined || leg.ended) {
      transaction.respond(writeReply(request, 481, ""));
      return;
    }
    if (method === "INVITE") {
      leg.invite = transaction;
      transaction.respond(writeReply(request, 200, "", [this.#contact], "v=0\r\n"));
      return;
    }
    if (method === "INFO" && this.mood.info !== 200) {
      transaction.respond(this.#reject(request, this.mood.info));
      return;
    }
    transaction.respond(writeReply(request, 200, ""));
    if (method === "INFO") {
      this.#send(leg, "INFO", ["Content-Type: text/plain"], "<xccos><rpl id='rpl:requri'/></xccos>");
      if (leg.script === "pool hangs up") {
        this.setting.clock.after(400, () => {
          this.#send(leg, "BYE");
          leg.ended = true;
        });
      }
    } else if (method === "SUBSCRIBE") {
      this.#send(leg, "NOTIFY", ["Event: presence", "Subscription-State: terminated"]);
      leg.ended = true;
    } else if (method === "BYE") leg.ended = true;
  }

  #open(request: SimMessage, tag: string): Leg {
    const leg: Leg = {
      dialog: {
        callId: request.callId,
        local: `${request.to};tag=${tag}`,
        remote: request.from,
        target: uriOf(request.value("contact") ?? ""),
        routes: request.addresses("record-route"),
        cseq: 0,
      },
      script: request.value("x-script") ?? "",
      invite: undefined,
      ended: false,
    };
    this.#legs.set(`${request.callId} ${tag}`, leg);
    return leg;
  }

  #send(leg: Leg, method: string, more: readonly string[] = [], body = ""): void {
    if (leg.ended || this.reach !== "up") return;
    const { setting } = this;
    const hop = setting.directory.hop(uriOf(leg.dialog.routes[0] ?? `<${leg.dialog.target}>`));
    if (hop === undefined) {
      setting.violation(`${this.name} cannot follow the route set ${leg.dialog.routes.join(", ")}`);
      return;
    }
    const via = `SIP/2.0/${hop.transport.toUpperCase()} ${this.name}.contoso.com:5060;branch=${this.newBranch()}`;
    const request = dialogRequest(leg.dialog, method, [via], more, body);
    this.sendRequest(request, this.pathTo(hop.transport, hop.address), {
      response: (response) => {
        if (response.status === 200) setting.note(`${method} of the pool answered`);
      },
      timedOut: () => {},
    });
  }

  #reject(request: SimMessage, status: number): SimMessage {
    const more: Record<number, string[]> = {
      302: ["Contact: <sip:elsewhere@contoso.com>"],
      401: ['WWW-Authenticate: NTLM realm="SIP Communications Service"'],
      407: ['Proxy-Authenticate: NTLM realm="SIP Communications Service"'],
      503: ["Retry-After: 30"],
    };
    return writeReply(request, status, this.#tag(), more[status] ?? []);
  }

  get #contact(): string {
    return `Contact: <sip:${this.name}.contoso.com:5060;transport=${this.transport}>`;
  }

  #tag(): string {
    return `${this.name}-${this.#tags++}`;
  }
}
