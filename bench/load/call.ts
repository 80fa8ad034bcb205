import { ackOfFailure, branchOf, type CallText, inDialog, initial } from "../messages.ts";
import { type Received, routesForCaller, uriOf } from "./text.ts";
import type { Work } from "./work.ts";

/** What a call wants of the generator. */
export interface CallUser {
  send(text: string): void;
  /** The call is over; `wrong` is what was not as it should be, if anything. */
  ended(call: Call, wrong?: string): void;
  /** Rings and is to be held. */
  rings(call: Call): void;
}

/** One call, from the caller's side. */
export class Call {
  readonly text: CallText;
  readonly startedAt: number;
  readonly work: Work;
  /** What the Contact of a redirect must hold. */
  private readonly pool: string;
  private readonly user: CallUser;
  private dialog: { target: string; routes: string; to: string } | undefined;
  private answered = false;
  private notified = false;

  constructor(text: CallText, work: Work, pool: string, user: CallUser, startedAt: number) {
    this.text = text;
    this.work = work;
    this.pool = pool;
    this.user = user;
    this.startedAt = startedAt;
  }

  start(): void {
    this.user.send(initial(this.work === "subscribe" ? "SUBSCRIBE" : "INVITE", this.text));
  }

  received(response: Received): void {
    const { status } = response;
    if (status < 200) {
      if (status === 180) this.user.rings(this);
      return;
    }
    const [number = "", method = ""] = response.header("CSeq").split(" ");
    const mark = method === "INVITE" || method === "SUBSCRIBE" ? "i" : method[0]!;
    const fault = this.faultOf(response, mark, Number(number));
    if (fault !== undefined) this.user.ended(this, fault);
    else if (this.work === "redirect") this.redirected(response);
    else if (this.work === "subscribe") {
      this.answered = true;
      if (this.notified) this.user.ended(this);
    } else if (method === "INVITE") this.accepted(response);
    else if (method === "INFO") this.user.send(inDialog("BYE", this.text, this.dialog!));
    else this.user.ended(this);
  }

  /** The pool's NOTIFY. @returns the answer to it */
  notify(request: Received): string {
    this.notified = true;
    const reply =
      `SIP/2.0 200 OK\r\n${request.lines("Via")}From: ${request.header("From")}\r\nTo: ${request.header("To")}\r\n` +
      `Call-ID: ${request.header("Call-ID")}\r\nCSeq: ${request.header("CSeq")}\r\nContent-Length: 0\r\n\r\n`;
    if (this.answered) this.user.ended(this);
    return reply;
  }

  private faultOf(response: Received, mark: string, cseq: number): string | undefined {
    const { status } = response;
    const expected = this.work === "redirect" ? 302 : 200;
    if (status !== expected) return `status ${status} in place of ${expected} (${response.header("CSeq")})`;
    const vias = response.lines("Via");
    if (vias.indexOf("\r\n") !== vias.length - 2) return "the answer has not exactly one Via";
    if (!vias.includes(`branch=${branchOf(this.text, mark)}`)) return "the answer has another branch";
    if (!response.header("From").endsWith(`;tag=f${this.text.id}`)) return "the answer has another From tag";
    if (!response.header("To").includes(";tag=")) return "the answer has no To tag";
    if (cseq !== { i: 1, I: 2, B: 3 }[mark]) return "the answer has another CSeq";
    return undefined;
  }

  private redirected(response: Received): void {
    this.user.send(ackOfFailure(this.text, response.header("To")));
    const right = uriOf(response.header("Contact")).includes(`@${this.pool}`);
    this.user.ended(this, right ? undefined : `redirected to ${response.header("Contact")}`);
  }

  private accepted(response: Received): void {
    const recordRoutes = response.lines("Record-Route");
    if (recordRoutes === "") {
      this.user.ended(this, "the 200 has no Record-Route");
      return;
    }
    this.dialog = {
      target: uriOf(response.header("Contact")),
      routes: routesForCaller(recordRoutes),
      to: response.header("To"),
    };
    this.user.send(inDialog("ACK", this.text, this.dialog));
    this.user.send(inDialog(this.work === "hold" ? "BYE" : "INFO", this.text, this.dialog));
  }
}
