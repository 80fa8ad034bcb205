import type { SimClock, SimTimer } from "./sim-clock.ts";
import { type SimMessage, writeMessage } from "./sim-message.ts";
import type { Path } from "./sim-network.ts";

const T1 = 500;
const T2 = 4000;

export interface UacUser {
  /** Every provisional response, the first final one, and for INVITE every 2xx. */
  response(response: SimMessage): void;
  timedOut(): void;
}

/** An actor's client transaction (RFC 3261 §17.1), by the RFC's figures and not by the code under test. */
export class UacTransaction {
  readonly request: SimMessage;
  readonly path: Path;
  readonly id: string;
  provisional = false;
  final: SimMessage | undefined;
  readonly #clock: SimClock;
  readonly #user: UacUser;
  readonly #acknowledges: boolean;
  #interval = T1;
  #resend: SimTimer | undefined;
  #giveUp: SimTimer | undefined;

  /** Sends the request. @param acknowledges false for a client that never sends the ACK of a non-2xx */
  constructor(clock: SimClock, request: SimMessage, path: Path, user: UacUser, acknowledges = true) {
    this.#clock = clock;
    this.request = request;
    this.path = path;
    this.id = request.transactionId;
    this.#user = user;
    this.#acknowledges = acknowledges;
    this.#giveUp = clock.after(64 * T1, () => this.#timeOut());
    if (path.transport === "udp") this.#resend = clock.after(T1, () => this.#repeat());
    path.send(request);
  }

  receive(response: SimMessage): void {
    const invite = this.request.method === "INVITE";
    if (response.status < 200) {
      if (this.final !== undefined) return;
      this.provisional = true;
      if (invite) this.#stop();
      this.#user.response(response);
      return;
    }
    this.#stop();
    const repeated = this.final !== undefined;
    this.final ??= response;
    if (invite && response.status >= 300 && this.#acknowledges) this.path.send(this.#ack(response));
    if (!repeated || (invite && response.status < 300 && this.final.status < 300)) this.#user.response(response);
  }

  #repeat(): void {
    const invite = this.request.method === "INVITE";
    this.#interval = this.provisional ? T2 : invite ? 2 * this.#interval : Math.min(2 * this.#interval, T2);
    this.#resend = this.#clock.after(this.#interval, () => this.#repeat());
    this.path.send(this.request);
  }

  #timeOut(): void {
    this.#stop();
    this.#user.timedOut();
  }

  #stop(): void {
    this.#clock.cancel(this.#resend);
    this.#clock.cancel(this.#giveUp);
  }

  /** §17.1.1.3. */
  #ack(response: SimMessage): SimMessage {
    return hopByHop(this.request, "ACK", response.to);
  }
}

/** The ACK of a non-2xx (§17.1.1.3) and the CANCEL (§9.1): one Via, and Route, From, Call-ID, CSeq of the INVITE. */
export function hopByHop(invite: SimMessage, method: "ACK" | "CANCEL", to: string): SimMessage {
  return writeMessage([
    `${method} ${invite.requestUri} SIP/2.0`,
    `Via: ${invite.vias[0]!.text}`,
    ...invite.addresses("route").map((route) => `Route: ${route}`),
    "Max-Forwards: 70",
    `From: ${invite.from}`,
    `To: ${to}`,
    `Call-ID: ${invite.callId}`,
    `CSeq: ${invite.cseq} ${method}`,
  ]);
}

/** An actor's server transaction (RFC 3261 §17.2), with the repetition of 2xx that its user owes (§13.3.1.4). */
export class UasTransaction {
  readonly request: SimMessage;
  readonly path: Path;
  /** The final response that was sent. */
  final: SimMessage | undefined;
  acknowledged = false;
  /** What is sent in the place of a response. */
  alter: ((response: SimMessage) => readonly SimMessage[]) | undefined;
  readonly #clock: SimClock;
  readonly #reconnect: () => Path;
  #last: SimMessage | undefined;
  #interval = T1;
  #resend: SimTimer | undefined;
  #giveUp: SimTimer | undefined;

  /** @param reconnect a path to the Via of the request, for when the path it came on is closed (§18.2.2) */
  constructor(clock: SimClock, request: SimMessage, path: Path, reconnect: () => Path) {
    this.#clock = clock;
    this.request = request;
    this.path = path;
    this.#reconnect = reconnect;
  }

  /** @param unacknowledged what to do when a 2xx is never acknowledged */
  respond(response: SimMessage, unacknowledged?: () => void): void {
    this.#last = response;
    this.#send();
    if (response.status < 200) return;
    this.final = response;
    if (this.request.method !== "INVITE") return;
    this.#clock.cancel(this.#resend);
    this.#clock.cancel(this.#giveUp);
    this.#interval = T1;
    if (response.status < 300 || this.path.transport === "udp") {
      this.#resend = this.#clock.after(T1, () => this.#repeat());
    }
    this.#giveUp = this.#clock.after(64 * T1, () => {
      this.#clock.cancel(this.#resend);
      unacknowledged?.();
    });
  }

  /** A further 2xx of another dialog to the same INVITE, sent once. */
  respondBeside(response: SimMessage): void {
    this.#way().send(response);
  }

  /** The request came again. */
  retransmitted(): void {
    if (this.#last !== undefined && !this.acknowledged) this.#send();
  }

  acknowledge(): void {
    this.acknowledged = true;
    this.#clock.cancel(this.#resend);
    this.#clock.cancel(this.#giveUp);
  }

  #repeat(): void {
    this.#interval = Math.min(2 * this.#interval, T2);
    this.#resend = this.#clock.after(this.#interval, () => this.#repeat());
    this.#send();
  }

  #send(): void {
    const messages = this.alter?.(this.#last!) ?? [this.#last!];
    for (const message of messages) this.#way().send(message);
  }

  #way(): Path {
    return this.path.open ? this.path : this.#reconnect();
  }
}
