import { type ClientDialog, USER_AGENT } from "./client-dialog.ts";
import { ClientEvents } from "./client-events.ts";
import type { Recorder } from "./recorder.ts";
import { header, isRequest, methodOf, responseTo, type SipText, statusOf, uriIn } from "./sip-text.ts";
import { StepFailure } from "./steps.ts";
import { type Address, dial, type Wire } from "./wire.ts";
import { readXccos, type Xccos } from "./xccos.ts";

/**
 * The client's one connection, and its reading of what comes over it: answers are matched as SIPE matches them,
 * and the pool's requests get SIPE's answers. What SIPE would drop in silence is reported as a broken rule, and ends
 * whatever is being waited for.
 */
export class ClientLink {
  readonly #recorder: Recorder;
  readonly #timeout: number;
  readonly #dialogs = new Map<string, ClientDialog>();
  readonly #unanswered = new Set<string>();
  readonly #provisional = new Map<string, string>();
  readonly #events = new ClientEvents();
  #wire: Wire | undefined;

  /** @param timeout how long to wait for anything, in milliseconds */
  constructor(recorder: Recorder, timeout: number) {
    this.#recorder = recorder;
    this.#timeout = timeout;
  }

  get open(): boolean {
    return this.#wire?.open === true;
  }

  /** Connects; gives the client's own end. Rejects when nobody listens. */
  async connect(to: Address): Promise<Address> {
    this.#wire = await dial(to, "client", this.#recorder, {
      message: (message) => (isRequest(message) ? this.#request(message) : this.#response(message)),
      closed: () => this.#events.fail("the front end closed the connection"),
    });
    return this.#wire.local;
  }

  close(): void {
    this.#wire?.end();
  }

  add(dialog: ClientDialog): void {
    this.#dialogs.set(dialog.callId, dialog);
  }

  remove(dialog: ClientDialog): void {
    this.#dialogs.delete(dialog.callId);
  }

  /** The dialogs that were opened and not removed. */
  get dialogs(): ClientDialog[] {
    return [...this.#dialogs.values()];
  }

  /** Lets a client sign out after a failure. */
  recover(): void {
    this.#events.recover();
  }

  /** Sends messages in one segment; gives the key of the last one, to wait for its answer. */
  send(...messages: SipText[]): string {
    let key = "";
    for (const message of messages) {
      key = keyOf(message);
      if (isRequest(message) && methodOf(message) !== "ACK") this.#unanswered.add(key);
    }
    this.#wire?.send(...messages);
    return key;
  }

  /** The final answer to the request with that key. A BYE of the pool in `dialog` ends the waiting. */
  answer(key: string, what: string, dialog?: ClientDialog, timeout = this.#timeout): Promise<SipText> {
    return this.#events.take(
      (event) => (event.kind === "answered" && event.key === key ? event.response : undefined),
      () => this.#endedInstead(dialog, `an answer to ${what}`),
      timeout,
      () => {
        const heard = this.#provisional.get(key);
        return late(`no final answer to ${what}${heard === undefined ? "" : ` after "${heard}"`}`, timeout);
      },
    );
  }

  /** The next XCCOS message that the pool says in a dialog and that fits. */
  said(dialog: ClientDialog, what: string, fits: (xccos: Xccos) => boolean): Promise<Xccos> {
    return this.#events.take(
      (event) =>
        event.kind === "said" && event.callId === dialog.callId && fits(event.xccos) ? event.xccos : undefined,
      () => this.#endedInstead(dialog, what),
      this.#timeout,
      () => late(`no INFO from the pool with ${what}`, this.#timeout),
    );
  }

  /** Notes that the other side did what the real client cannot cope with. */
  broken(rule: string, detail: string): void {
    this.#recorder.broken({ noticedBy: "client", rule, detail });
    this.#events.fail(`${detail} [${rule}]`);
  }

  #endedInstead(dialog: ClientDialog | undefined, what: string): StepFailure | undefined {
    if (dialog === undefined || !this.#events.ended(dialog.callId)) return undefined;
    return new StepFailure(`the pool ended the dialog (BYE) before ${what}; pools do so when the user has no rights`);
  }

  /** SIPE finds its session by the To URI, and the request by Call-ID and CSeq in their long forms alone. */
  #response(response: SipText): void {
    const callId = header(response, "Call-ID");
    const line = `"${response.startLine}"`;
    if (callId === undefined || header(response, "CSeq") === undefined) {
      this.broken("long-names", `${line} came without long-form Call-ID and CSeq: the client finds no request for it`);
      return;
    }
    const dialog = this.#dialogs.get(callId);
    const to = uriIn(header(response, "To"));
    if (dialog !== undefined && to !== dialog.dialled) {
      this.broken("to-uri", `${line} has To ${to} where ${dialog.dialled} was dialled: the client drops it`);
      return;
    }
    const key = keyOf(response);
    if (statusOf(response) < 200) {
      this.#provisional.set(key, response.startLine.slice(8));
    } else if (this.#unanswered.delete(key)) {
      this.#events.push({ kind: "answered", key, response });
    } else {
      this.broken("one-answer", `${line} answers ${key}, which is not waiting for an answer`);
    }
  }

  #request(request: SipText): void {
    const method = methodOf(request);
    const dialog = this.#dialogs.get(header(request, "Call-ID") ?? "");
    const from = uriIn(header(request, "From"));
    if (method === "ACK") return;
    if (dialog === undefined || !dialog.established) {
      this.#answer(request, method === "INFO" ? "487 Request Terminated" : "481 Call Leg/Transaction Does Not Exist");
    } else if (from !== dialog.dialled) {
      this.broken(
        "from-uri",
        `${method} from ${from} in the dialog with ${dialog.dialled}: the client finds no session`,
      );
    } else {
      this.#inDialog(request, method, dialog);
    }
  }

  #inDialog(request: SipText, method: string, dialog: ClientDialog): void {
    switch (method) {
      case "INFO": {
        this.#answer(request, "200 OK");
        const xccos = readXccos(request.body);
        if (xccos === undefined) this.broken("body", "an INFO came whose body is not the XCCOS text that pools send");
        else this.#events.push({ kind: "said", callId: dialog.callId, xccos });
        return;
      }
      case "INVITE":
        // SIPE takes a re-INVITE for the end of the session.
        this.send(dialog.bye());
        this.#end(request, dialog);
        return;
      case "BYE":
        this.#end(request, dialog);
        return;
      case "OPTIONS":
      case "NOTIFY":
        this.#answer(request, "200 OK");
        return;
      default:
        this.#answer(request, method === "MESSAGE" ? "415 Unsupported Media Type" : "501 Not Implemented");
    }
  }

  #end(request: SipText, dialog: ClientDialog): void {
    dialog.established = false;
    this.#answer(request, "200 OK");
    this.#events.push({ kind: "ended", callId: dialog.callId });
  }

  #answer(request: SipText, status: string): void {
    this.#wire?.send(responseTo(request, status, { headers: [["User-Agent", USER_AGENT]] }));
  }
}

/** Call-ID, number and method: what an answer must carry to be found. */
function keyOf(message: SipText): string {
  return `${header(message, "Call-ID")} ${header(message, "CSeq")}`;
}

function late(what: string, timeout: number): StepFailure {
  return new StepFailure(`${what} within ${timeout / 1000} s; the real client waits for ever`);
}
