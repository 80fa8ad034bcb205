import { SimActor, type SimSetting } from "./sim-actor.ts";
import type { SimCall } from "./sim-call.ts";
import { type SimMessage, writeReply } from "./sim-message.ts";
import type { Path } from "./sim-network.ts";
import type { UasTransaction } from "./sim-transactions.ts";

export interface CallerHabits {
  readonly transport: "udp" | "tcp";
  /** `ip:port` of the listener that it dials. */
  readonly gateway: string;
  /** False for a legacy client on the line itself: one Via, and that without a branch. */
  readonly frontEnd: boolean;
  readonly rport: boolean;
  /** The port its datagrams leave from; answers without rport go to 5060 all the same. */
  readonly sourcePort: number;
  /** False for the legacy client that never acknowledges a failure. */
  readonly acknowledges: boolean;
  readonly compactNames: boolean;
  /** Both Vias in one header line. */
  readonly joinedVias: boolean;
}

/** A front end with a legacy client behind it, or such a client alone. */
export class SimCaller extends SimActor {
  readonly habits: CallerHabits;
  readonly calls = new Map<string, SimCall>();
  #firstStream: Path | undefined;

  constructor(setting: SimSetting, name: string, ip: string, habits: CallerHabits) {
    super(setting, name, ip);
    this.habits = habits;
  }

  /** The way to the gateway. */
  path(): Path {
    const { transport, gateway, sourcePort } = this.habits;
    const path = this.pathTo(transport, gateway, sourcePort);
    this.#firstStream ??= path;
    return path;
  }

  /** The Via values of a new request, the topmost first; `inherited` are those of the request it belongs to. */
  vias(path: Path, branch = this.newBranch()): string[] {
    const { frontEnd, rport, joinedVias } = this.habits;
    const protocol = `SIP/2.0/${this.habits.transport === "udp" ? "UDP" : "tcp"}`;
    const flag = rport ? ";rport" : "";
    if (!frontEnd) return [`${protocol} ${this.#sentBy(path)}${flag}`];
    const vias = [
      `${protocol} ${this.name}.contoso.com:5060;branch=${branch}${flag}`,
      "SIP/2.0/tls 10.1.4.23:50312;ms-received-port=50312;ms-received-cid=1A00",
    ];
    return joinedVias ? [vias.join(", ")] : vias;
  }

  get recordRoutes(): string[] {
    if (!this.habits.frontEnd) return [];
    return [`<sip:${this.name}.contoso.com:5060;transport=${this.habits.transport};opaque=state:T:F;lr>`];
  }

  contact(path: Path): string {
    if (this.habits.frontEnd) return "<sip:alice@contoso.com;opaque=user:epid:b514060a2da2;gruu>";
    return `<sip:alice@${this.#sentBy(path)};transport=${this.habits.transport}>`;
  }

  protected override requestReceived(request: SimMessage, transaction: UasTransaction): void {
    const call = this.calls.get(request.callId);
    if (call === undefined) {
      this.setting.violation(`${this.name} got a request of a dialog that it is not in: ${request.summary}`);
      transaction.respond(writeReply(request, 481, ""));
    } else transaction.respond(writeReply(request, call.requestReceived(request), ""));
  }

  /** RFC 3261 §18.2.2, RFC 3581 §4: to the source port with rport, else to that of the Via. */
  protected override checkArrival(request: SimMessage, path: Path): void {
    if (this.habits.transport !== "udp") return;
    const port = this.habits.rport ? this.habits.sourcePort : 5060;
    if (path.local !== `${this.ip}:${port}`) {
      this.setting.violation(`${this.name} heard the answer at ${path.local}, not at port ${port}: ${request.summary}`);
    }
  }

  #sentBy(path: Path): string {
    if (this.habits.transport === "udp") return `${this.ip}:5060`;
    return (this.#firstStream ?? path).local;
  }
}
