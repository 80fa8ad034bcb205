import { dialogRequest, type SimDialog, type SimSetting } from "./sim-actor.ts";
import type { SimCaller } from "./sim-caller.ts";
import { SimMessage, uriOf, writeMessage } from "./sim-message.ts";
import { hopByHop, type UacTransaction } from "./sim-transactions.ts";

export type CallKind = "call" | "subscription" | "message" | "stray BYE";

export interface CallPlan {
  readonly kind: CallKind;
  /** The Request-URI that is dialled. */
  readonly dials: string;
  /** ms from the first provisional response to a CANCEL; undefined for a patient caller. */
  readonly cancelsAfter: number | undefined;
  readonly poolHangsUp: boolean;
  readonly reInvites: boolean;
  /** ms that the caller stays in the dialog before it goes on. */
  readonly lingers: number;
}

interface Leg {
  readonly dialog: SimDialog;
  readonly ack: SimMessage;
  ended: boolean;
}

const METHODS: Readonly<Record<CallKind, string>> = {
  call: "INVITE",
  subscription: "SUBSCRIBE",
  message: "MESSAGE",
  "stray BYE": "BYE",
};

/** One call of a caller from the first request to the last answer. */
export class SimCall {
  readonly callId: string;
  readonly plan: CallPlan;
  /** The final status of the first request; undefined while there is none. */
  outcome: number | undefined;
  /** True when the script came to its planned end: every request in the dialog answered with 200. */
  succeeded = false;
  /** It sent a CANCEL. */
  cancelled = false;
  readonly #caller: SimCaller;
  readonly #setting: SimSetting;
  readonly #from: string;
  readonly #legs = new Map<string, Leg>();
  #transaction: UacTransaction | undefined;
  #first: SimMessage | undefined;
  #answeredInfo = false;
  #poolInfo = false;
  #poolNotifies = 0;
  #refreshed = false;
  #hungUp = false;
  #impatient = false;

  constructor(caller: SimCaller, setting: SimSetting, callId: string, plan: CallPlan) {
    this.#caller = caller;
    this.#setting = setting;
    this.callId = callId;
    this.plan = plan;
    this.#from = `<sip:alice@contoso.com>;tag=${callId.slice(0, 8)};epid=c97532c1946f`;
    caller.calls.set(callId, this);
  }

  start(): void {
    const { plan } = this;
    const method = METHODS[plan.kind];
    const path = this.#caller.path();
    const headers = [
      ...this.#caller.vias(path).map((via) => `Via: ${via}`),
      ...this.#caller.recordRoutes.map((uri) => `Record-Route: ${uri}`),
      `From: ${this.#from}`,
      `To: <${plan.dials}>`,
      "Max-Forwards: 70",
      `CSeq: 1 ${method}`,
      "User-Agent: Purple/2.14.12 Sipe/1.25.0 (linux-x86_64)",
      `Call-ID: ${this.callId}`,
      `Contact: ${this.#caller.contact(path)}`,
      "Ms-Conversation-ID:   AcvQ/==",
      `X-Script: ${plan.poolHangsUp ? "pool hangs up" : ""}`,
      'Subject: a, b;c="d"',
      ...(plan.kind === "subscription" ? ["Event: presence", "Expires: 3600"] : []),
    ];
    const body = plan.kind === "call" ? "v=0\r\no=- 0 0 IN IP4 10.1.4.23\r\n" : "";
    let request = writeMessage([`${method} ${plan.dials} SIP/2.0`, ...headers], body);
    if (this.#caller.habits.compactNames) request = new SimMessage(compact(request.text));
    this.#first = request;
    this.#transaction = this.#caller.sendRequest(
      request,
      path,
      { response: (response) => this.#answered(response), timedOut: () => this.#setting.note("caller gave up") },
      this.#caller.habits.acknowledges,
    );
  }

  /** A request of the pool. @returns the status that answers it */
  requestReceived(request: SimMessage): number {
    const leg = this.#legs.get(request.fromTag);
    const { method } = request;
    if (method === "INFO") this.#poolInfo = true;
    else if (method === "NOTIFY") this.#poolNotifies++;
    else if (method === "BYE") {
      if (leg !== undefined) leg.ended = true;
      this.#hungUp = true;
      this.#setting.note("BYE of the pool received");
    }
    this.#proceed();
    return 200;
  }

  #answered(response: SimMessage): void {
    const { status } = response;
    const { kind } = this.plan;
    if (status < 200) {
      if (kind === "call") this.#mayCancel();
      return;
    }
    this.outcome ??= status;
    if (status >= 300 || kind === "message" || kind === "stray BYE") {
      if (status === 200) this.succeeded = true;
      return;
    }
    const known = this.#legs.get(response.toTag);
    if (known !== undefined) {
      if (kind === "call") this.#caller.path().send(known.ack);
      return;
    }
    const first = this.#legs.size === 0;
    const leg = this.#open(response);
    if (kind === "subscription") {
      this.#proceed();
      return;
    }
    this.#caller.path().send(leg.ack);
    if (!first || this.cancelled) {
      this.#setting.note(this.cancelled ? "CANCEL lost the race" : "second dialog hung up");
      this.#send(leg, "BYE", () => {});
      leg.ended = true;
    } else {
      this.#send(leg, "INFO", (status) => this.#infoAnswered(leg, status));
    }
  }

  #infoAnswered(leg: Leg, status: number): void {
    if (status === 200) {
      this.#answeredInfo = true;
      this.#proceed();
      return;
    }
    if (status === 481) this.#setting.note("481 inside a dialog");
    this.#hangUp(leg, false);
  }

  /** Goes on as soon as the pool has said what the script waits for. */
  #proceed(): void {
    const { plan } = this;
    const leg: Leg | undefined = this.#legs.values().next().value;
    if (leg === undefined) return;
    if (plan.kind === "subscription") {
      if (!this.#refreshed && this.#poolNotifies > 0) {
        this.#refreshed = true;
        this.#setting.clock.after(plan.lingers, () => {
          this.#send(leg, "SUBSCRIBE", (status) => {
            if (status === 200) this.#setting.note("subscription ended");
            this.succeeded = status === 200;
          });
        });
      }
      return;
    }
    if (!this.#answeredInfo || !this.#poolInfo) return;
    if (plan.poolHangsUp) {
      if (this.#hungUp) this.succeeded = true;
      return;
    }
    if (leg.ended || this.#refreshed) return;
    this.#refreshed = true;
    this.#setting.clock.after(plan.lingers, () => {
      if (leg.ended) return;
      if (plan.reInvites) this.#reInvite(leg);
      else this.#hangUp(leg, true);
    });
  }

  #reInvite(leg: Leg): void {
    const path = this.#caller.path();
    const contact = `Contact: ${this.#caller.contact(path)}`;
    const request = dialogRequest(leg.dialog, "INVITE", this.#caller.vias(path), [contact], "v=0\r\n");
    const cseq = leg.dialog.cseq;
    let ack: SimMessage | undefined;
    this.#caller.sendRequest(request, path, {
      response: (response) => {
        if (response.status < 200) return;
        if (response.status < 300) {
          this.#setting.note("re-INVITE accepted");
          const first = ack === undefined;
          ack ??= dialogRequest({ ...leg.dialog, cseq }, "ACK", this.#caller.vias(path));
          this.#caller.path().send(ack);
          if (!first) return;
        }
        this.#hangUp(leg, response.status < 300);
      },
      timedOut: () => {},
    });
  }

  #hangUp(leg: Leg, planned: boolean): void {
    if (leg.ended) return;
    leg.ended = true;
    this.#send(leg, "BYE", (status) => {
      if (planned && status === 200) this.succeeded = true;
    });
  }

  #mayCancel(): void {
    const { cancelsAfter } = this.plan;
    if (cancelsAfter === undefined || this.#impatient) return;
    this.#impatient = true;
    this.#setting.clock.after(cancelsAfter, () => {
      const invite = this.#first!;
      if (this.#transaction!.final !== undefined) return;
      this.cancelled = true;
      this.#setting.note("CANCEL sent");
      this.#caller.sendRequest(hopByHop(invite, "CANCEL", invite.to), this.#transaction!.path, {
        response: () => {},
        timedOut: () => {},
      });
    });
  }

  #open(response: SimMessage): Leg {
    // The front end takes its own Route off before it sends.
    const routes = response
      .addresses("record-route")
      .reverse()
      .slice(this.#caller.habits.frontEnd ? 1 : 0);
    const dialog: SimDialog = {
      callId: this.callId,
      local: this.#from,
      remote: response.to,
      target: uriOf(response.value("contact") ?? ""),
      routes,
      cseq: 1,
    };
    const path = this.#caller.path();
    const leg: Leg = { dialog, ack: dialogRequest(dialog, "ACK", this.#caller.vias(path)), ended: false };
    // Without a branch only Call-ID and CSeq tell the answers of two dialogs of one INVITE apart.
    dialog.cseq += 10 * this.#legs.size;
    this.#legs.set(response.toTag, leg);
    return leg;
  }

  #send(leg: Leg, method: string, answered: (status: number) => void): void {
    const path = this.#caller.path();
    const more = method === "INFO" ? ["Content-Type: text/plain"] : method === "SUBSCRIBE" ? ["Event: presence"] : [];
    const contact = `Contact: ${this.#caller.contact(path)}`;
    const body = method === "INFO" ? "<xccos><cmd id='cmd:requri'/></xccos>" : "";
    const request = dialogRequest(leg.dialog, method, this.#caller.vias(path), [contact, ...more], body);
    this.#caller.sendRequest(request, path, {
      response: (response) => {
        if (response.status >= 200) answered(response.status);
      },
      timedOut: () => this.#setting.note("request inside a dialog not answered"),
    });
  }
}

/** The same message in compact form (§7.3.3). */
function compact(text: string): string {
  const short: Record<string, string> = { Via: "v", From: "f", To: "t", "Call-ID": "i", Contact: "m", Subject: "s" };
  return text.replace(/^(Via|From|To|Call-ID|Contact|Subject):/gm, (_, name: string) => `${short[name]}:`);
}
