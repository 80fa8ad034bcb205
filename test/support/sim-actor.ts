import type { SimClock } from "./sim-clock.ts";
import type { SimDirectory } from "./sim-directory.ts";
import { type SimMessage, writeMessage, writeReply } from "./sim-message.ts";
import type { Path, Reach, SimNetwork, SimNode, Stream } from "./sim-network.ts";
import type { SimRandom } from "./sim-random.ts";
import { UacTransaction, type UacUser, UasTransaction } from "./sim-transactions.ts";

/** What actors share: the clock, the dice, the network, the names, and where findings go. */
export interface SimSetting {
  readonly clock: SimClock;
  readonly random: SimRandom;
  readonly network: SimNetwork;
  readonly directory: SimDirectory;
  note(feature: string): void;
  violation(text: string): void;
}

/** A SIP element beside the gateway: transactions, connections, and the check that what it hears is meant for it. */
export abstract class SimActor implements SimNode {
  readonly name: string;
  readonly ip: string;
  reach: Reach = "up";
  protected readonly setting: SimSetting;
  readonly #uac = new Map<string, UacTransaction>();
  readonly #uas = new Map<string, UasTransaction>();
  #branches = 0;
  #ports = 50_000;

  constructor(setting: SimSetting, name: string, ip: string) {
    this.setting = setting;
    this.name = name;
    this.ip = ip;
  }

  /** A request that is new here; it is to be answered through `transaction`. ACK and CANCEL come elsewhere. */
  protected abstract requestReceived(request: SimMessage, transaction: UasTransaction): void;

  /** The ACK of a 2xx. */
  protected ackReceived(_ack: SimMessage): void {}

  protected cancelReceived(_invite: UasTransaction): void {}

  /** A response on a known transaction, before the transaction handles it. */
  protected checkArrival(_request: SimMessage, _path: Path): void {}

  newBranch(): string {
    return `z9hG4bK${this.name}.${this.#branches++}`;
  }

  /** An open connection to that place, else a new one; for UDP a path from `localPort`. */
  pathTo(transport: "udp" | "tcp", peer: string, localPort = 5060): Path {
    const { network } = this.setting;
    if (transport === "udp") return network.datagrams(this, `${this.ip}:${localPort}`, peer);
    return this.openStream(peer) ?? network.connect(this, peer, `${this.ip}:${this.#ports++}`);
  }

  protected openStream(peer: string): Stream | undefined {
    for (const stream of this.setting.network.streams) {
      if (stream.node === this && stream.peer === peer && stream.open) return stream;
    }
    return undefined;
  }

  sendRequest(request: SimMessage, path: Path, user: UacUser, acknowledges = true): UacTransaction {
    const transaction = new UacTransaction(this.setting.clock, request, path, user, acknowledges);
    this.#uac.set(transaction.id, transaction);
    return transaction;
  }

  receive(message: SimMessage, path: Path): void {
    if (message.isRequest) this.#receiveRequest(message, path);
    else this.#receiveResponse(message, path);
  }

  closed(_path: Path, _reason: string): void {}

  #receiveResponse(response: SimMessage, path: Path): void {
    const transaction = this.#uac.get(response.transactionId);
    if (transaction === undefined) {
      this.setting.violation(`${this.name} got a response to a request that it never sent: ${response.summary}`);
      return;
    }
    this.checkArrival(transaction.request, path);
    transaction.receive(response);
  }

  #receiveRequest(request: SimMessage, path: Path): void {
    const { method } = request;
    if (method === "ACK" || method === "CANCEL") {
      const invite = this.#uas.get(request.idFor("INVITE"));
      if (method === "CANCEL") {
        const answer = writeReply(request, invite === undefined ? 481 : 200, this.name);
        path.send(answer);
        if (invite !== undefined && invite.final === undefined) this.cancelReceived(invite);
      } else if (invite === undefined) this.ackReceived(request);
      else invite.acknowledge();
      return;
    }
    const known = this.#uas.get(request.transactionId);
    if (known !== undefined) {
      known.retransmitted();
      return;
    }
    const transaction = new UasTransaction(this.setting.clock, request, path, () => this.#wayBack(request));
    this.#uas.set(request.transactionId, transaction);
    this.requestReceived(request, transaction);
  }

  /** §18.2.2: a closed connection is replaced by one to the sent-by of the top Via. */
  #wayBack(request: SimMessage): Path {
    const top = request.vias[0]!;
    this.setting.note("response on a new connection");
    const hop = this.setting.directory.hop(`sip:${top.sentBy};transport=${top.transport}`);
    return this.pathTo(top.transport === "tcp" ? "tcp" : "udp", hop?.address ?? top.sentBy);
  }
}

/** One side of a dialog (RFC 3261 §12): what a request inside it is made of. */
export interface SimDialog {
  readonly callId: string;
  /** From, tag included. */
  readonly local: string;
  /** To, tag included. */
  readonly remote: string;
  readonly target: string;
  readonly routes: readonly string[];
  cseq: number;
}

/** A request inside a dialog (§12.2.1.1) for a set of loose routers. An ACK takes the CSeq of its INVITE. */
export function dialogRequest(
  dialog: SimDialog,
  method: string,
  vias: readonly string[],
  more: readonly string[] = [],
  body = "",
): SimMessage {
  const cseq = method === "ACK" ? dialog.cseq : ++dialog.cseq;
  return writeMessage(
    [
      `${method} ${dialog.target} SIP/2.0`,
      ...vias.map((via) => `Via: ${via}`),
      ...dialog.routes.map((route) => `Route: ${route}`),
      `From: ${dialog.local}`,
      `To: ${dialog.remote}`,
      "Max-Forwards: 70",
      `CSeq: ${cseq} ${method}`,
      `Call-ID: ${dialog.callId}`,
      ...more,
    ],
    body,
  );
}
