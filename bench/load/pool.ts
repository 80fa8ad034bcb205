import { answer, transportParam } from "../messages.ts";
import { type Received, routesForCallee, uriOf } from "./text.ts";
import type { Work } from "./work.ts";

/** The pool behind the server: answers what arrives, and says what was wrong about it. */
export class Pool {
  private readonly via: string;
  private readonly local: string;
  private readonly work: Work;
  /** Calls whose INVITE was answered and whose ACK has not come. */
  private readonly unacknowledged = new Set<string>();
  private readonly held = new Map<string, { request: Received; send: (text: string) => void }>();

  /** @param via `UDP`, `TCP` or `TLS`. @param local our `address:port` */
  constructor(via: string, local: string, work: Work) {
    this.via = via;
    this.local = local;
    this.work = work;
  }

  /** @param send back on the way that the message came. @returns what is wrong with it, if anything */
  received(request: Received, send: (text: string) => void): string | undefined {
    if (request.status !== 0) return request.status === 200 ? undefined : `status ${request.status} to NOTIFY`;
    if (request.header("Max-Forwards") !== "69") return `Max-Forwards ${request.header("Max-Forwards")} at the pool`;
    if (request.method === "ACK") {
      this.unacknowledged.delete(request.callId);
      return undefined;
    }
    if (request.method === "INVITE" && this.work === "hold") {
      this.held.set(request.callId, { request, send });
      send(this.reply("180 Ringing", request, false));
    } else {
      const isEarly = request.method !== "INVITE" && this.unacknowledged.delete(request.callId);
      if (request.method === "INVITE") this.unacknowledged.add(request.callId);
      send(this.reply("200 OK", request, request.method === "INVITE"));
      // The caller sends both at once, the ACK first.
      if (isEarly) return `${request.method} before the ACK at the pool`;
      if (request.method === "SUBSCRIBE") send(this.notify(request));
    }
    return undefined;
  }

  /** Answers a call that rang. */
  pickUp(callId: string): void {
    const call = this.held.get(callId);
    this.held.delete(callId);
    call?.send(this.reply("200 OK", call.request, true));
  }

  private reply(status: string, request: Received, withBody: boolean): string {
    const opens = request.method === "INVITE" || request.method === "SUBSCRIBE";
    const headers = {
      vias: request.lines("Via"),
      recordRoutes: opens ? request.lines("Record-Route") : "",
      from: request.header("From"),
      to: request.header("To"),
      callId: request.header("Call-ID"),
      cseq: request.header("CSeq"),
    };
    return answer(status, headers, opens ? `p${request.callId}` : "", opens ? this.contact() : "", withBody);
  }

  private notify(subscribe: Received): string {
    const id = subscribe.callId;
    return (
      `NOTIFY ${uriOf(subscribe.header("Contact"))} SIP/2.0\r\nVia: SIP/2.0/${this.via} ${this.local};branch=z9hG4bKn${id}\r\n` +
      `${routesForCallee(subscribe.lines("Record-Route"))}Max-Forwards: 70\r\nFrom: ${subscribe.header("To")};tag=p${id}\r\n` +
      `To: ${subscribe.header("From")}\r\nCall-ID: ${subscribe.header("Call-ID")}\r\nCSeq: 1 NOTIFY\r\n${this.contact()}` +
      "Event: presence\r\nSubscription-State: active;expires=3600\r\nContent-Length: 0\r\n\r\n"
    );
  }

  private contact(): string {
    const text = { via: this.via, local: this.local, id: "", to: "" };
    return `Contact: <sip:pool@${this.local}${transportParam(text)}>\r\n`;
  }
}
