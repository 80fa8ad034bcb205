import type { Decision, RoutingRequest } from "../../src/sip/decision.ts";
import type { CoreEvent } from "../../src/sip/event.ts";
import type { Listener } from "../../src/sip/flow.ts";
import type { LocateQuery, LocateResult } from "../../src/sip/host.ts";
import type { SimSetting } from "./sim-actor.ts";
import { queryOf } from "./sim-directory.ts";
import { forwardingFault, hopByHopFault, hostOf, routesBeyondUs } from "./sim-fidelity.ts";
import { GATEWAY_IP, type GatewayWatch, LISTENERS } from "./sim-gateway.ts";
import {
  type Downstream,
  isPending,
  TRANSACTION_TIME,
  timerCFired,
  type Upstream,
  wasOverdue,
  withoutTopVia,
} from "./sim-ledger.ts";
import { type SimMessage, uriOf } from "./sim-message.ts";
import type { Path } from "./sim-network.ts";
import { responseFault } from "./sim-response-rules.ts";

const OUR_NAMES: ReadonlySet<string> = new Set(LISTENERS.map((listener) => listener.advertisedHost));

/** Looks on at every message and judges it by the RFCs; knows nothing of the core but its name and its addresses. */
export class SimOracle implements GatewayWatch {
  readonly upstreams = new Map<string, Upstream>();
  readonly downstreams = new Map<string, Downstream>();
  readonly events = new Map<string, number>();
  readonly #setting: SimSetting;
  readonly #signed: boolean;
  readonly #table: (requestUri: string) => Decision;
  readonly #acks = new Map<string, { message: SimMessage; path: Path; received: number; sent: number }>();
  /** The connection of a client without a front end, by Call-ID: it may be good for requests to it (RFC 5626 §5.3). */
  readonly #connections = new Map<string, string>();
  #current: Upstream | undefined;
  /** A 2xx to an INVITE that has to be passed on before the core returns (§16.7 step 5). */
  #mustForward: { text: string; summary: string } | undefined;

  /** @param signed whether the core has keys for its Record-Route URIs */
  constructor(setting: SimSetting, table: (requestUri: string) => Decision, signed: boolean) {
    this.#signed = signed;
    this.#setting = setting;
    this.#table = table;
  }

  received(message: SimMessage, path: Path): void {
    this.#current = undefined;
    if (!message.isRequest) this.#responseReceived(message);
    else if (message.method === "ACK") this.#ackReceived(message, path);
    else if (message.vias.length > 0) this.#requestReceived(message, path);
  }

  handled(): void {
    if (this.#mustForward === undefined) return;
    this.#fault(`a 2xx to INVITE was not passed on (§16.7 step 5): ${this.#mustForward.summary}`);
    this.#mustForward = undefined;
  }

  sent(message: SimMessage, path: Path): void {
    if (!message.isRequest) this.#responseSent(message, path);
    else {
      const fault = this.#ownViaFault(message, path);
      if (fault !== undefined) this.#fault(`${fault}: ${message.summary}`);
      else if (message.method === "ACK") this.#ackSent(message, path);
      else if (message.method === "CANCEL") this.#cancelSent(message, path);
      else this.#requestSent(message, path);
    }
  }

  decided(request: RoutingRequest): Decision {
    const upstream = this.#current;
    const decision = this.#table(request.requestUri);
    if (upstream === undefined) this.#fault(`a decision was asked for nothing: ${request.requestUri}`);
    else {
      if (upstream.inDialog) this.#fault(`the table was asked about a dialog: ${upstream.request.summary}`);
      if (upstream.decision !== undefined && upstream.decision !== decision) {
        upstream.decidedAnew = true;
        this.#setting.note("decided anew without a transaction");
      }
      upstream.decision = decision;
    }
    return decision;
  }

  located(query: LocateQuery, _result: LocateResult): void {
    if (OUR_NAMES.has(query.host)) this.#setting.note("gateway points at itself");
  }

  happened(event: CoreEvent): void {
    if (event.type === "dropped") this.#setting.note("message dropped");
    if (event.type === "branch-failed") this.#setting.note("branch failed");
    if (event.type !== "request") return;
    const key = `${event.method} ${event.callId}`;
    this.events.set(key, (this.events.get(key) ?? 0) + 1);
    const told = [...this.upstreams.values()].some(
      ({ request, finals }) =>
        request.callId === event.callId &&
        request.method === event.method &&
        (finals.length === 0 ? event.status === 0 : finals.some((final) => final.status === event.status)),
    );
    if (!told) this.#fault(`an event tells of ${event.status}, which was not sent: ${event.method} ${event.callId}`);
  }

  flowClosed(path: Path): void {
    for (const branch of this.downstreams.values()) {
      if (branch.path === path && isPending(branch, this.#now)) {
        branch.brokenAt = this.#now;
        this.#setting.note("flow closed under a transaction");
      }
    }
  }

  #requestReceived(message: SimMessage, path: Path): void {
    const key = message.transactionId;
    const known = this.upstreams.get(key);
    if (known !== undefined) {
      known.copies++;
      this.#current = known;
      this.#setting.note("request came again");
      return;
    }
    if (message.method === "CANCEL") {
      const invite = this.upstreams.get(message.idFor("INVITE"));
      if (invite !== undefined && invite.finals.length === 0) {
        invite.cancelledAt ??= this.#now;
        if (invite.branches.length === 0) this.#setting.note("CANCEL before there was a target");
      }
    }
    this.#current = {
      request: message,
      path,
      arrivedAt: this.#now,
      inDialog: message.toTag !== "" && OUR_NAMES.has(hostOf(message.addresses("route")[0] ?? "")),
      branches: [],
      finals: [],
      copies: 1,
      finalAt: undefined,
      trying: undefined,
      cancelledAt: undefined,
      decision: undefined,
      decidedAnew: false,
    };
    this.upstreams.set(key, this.#current);
    if (path.transport === "tcp" && message.vias.length === 1 && message.toTag === "") {
      this.#connections.set(message.callId, `tcp ${path.peer}`);
    }
    if (message.vias[0]!.branch === undefined) this.#setting.note("top Via without branch");
  }

  #responseReceived(message: SimMessage): void {
    const branch = this.downstreams.get(`${message.vias[0]?.branch} ${message.method}`);
    const now = this.#now;
    if (branch === undefined) {
      this.#setting.note("stray response");
      return;
    }
    const { status } = message;
    if (status > 699) {
      this.#setting.note("response with a status that does not exist");
      return;
    }
    const invite = message.method === "INVITE";
    if (!isAnswerTo(branch, message)) {
      this.#setting.note("response that is not the request's");
      // A final one is a failure of whoever sent it, a provisional one only tells that somebody is there.
      if (isPending(branch, now)) {
        if (status < 200) branch.provisionalAt ??= now;
        else [branch.final, branch.finalAt] = [message, now];
      }
      if (invite && status >= 300) branch.failuresHeard++;
      return;
    }
    const accepted =
      branch.finalAt !== undefined && branch.final!.status < 300 && now < branch.finalAt + TRANSACTION_TIME;
    if (status >= 200 && status < 300 && invite && (isPending(branch, now) || accepted)) {
      const { finals, finalAt } = branch.upstream;
      const open = finalAt === undefined || (finals[0]!.status < 300 && now < finalAt + TRANSACTION_TIME);
      if (open) this.#mustForward = { text: withoutTopVia(message), summary: message.summary };
      if (finalAt !== undefined && finals[0]!.status >= 300) this.#setting.note("2xx too late to be passed on");
    }
    branch.answers.add(withoutTopVia(message));
    if (!accepted && !isPending(branch, now) && branch.final === undefined) {
      this.#setting.note("response after the end of its transaction");
      return;
    }
    if (status < 200) {
      if (branch.final !== undefined) return;
      branch.provisionalAt ??= now;
      if (status > 100) branch.ringingAt = now;
      return;
    }
    if (branch.final === undefined) {
      branch.final = message;
      branch.finalAt = now;
      if (branch.cancelledAt !== undefined) this.#setting.note(`after CANCEL a branch ended with ${status}`);
    }
    if (invite && status >= 300) branch.failuresHeard++;
  }

  #ackReceived(message: SimMessage, path: Path): void {
    if (message.vias.length === 0) return;
    const key = `${message.callId} ${message.cseq} ${message.toTag}`;
    const known = this.#acks.get(key);
    if (known === undefined) this.#acks.set(key, { message, path, received: 1, sent: 0 });
    else known.received++;
  }

  #ackSent(message: SimMessage, path: Path): void {
    const invite = this.downstreams.get(`${message.vias[0]!.branch} INVITE`);
    if (invite !== undefined) {
      const fault = hopByHopFault(invite.request, message, invite.final?.to ?? "");
      if (fault !== undefined) this.#fault(`the ACK of a failure: ${fault}: ${message.summary}`);
      if (path.peer !== invite.path.peer) this.#fault(`the ACK of a failure goes elsewhere: ${message.summary}`);
      if (++invite.acks > invite.failuresHeard) this.#fault(`an ACK that nothing asked for: ${message.summary}`);
      return;
    }
    const ack = this.#acks.get(`${message.callId} ${message.cseq} ${message.toTag}`);
    if (ack === undefined || ++ack.sent > ack.received) {
      this.#fault(`an ACK of a 2xx that nobody sent: ${message.summary}`);
      return;
    }
    this.#setting.note("ACK of a 2xx passed on");
    this.#checkForwarded(ack.message, ack.path, message, path, ack.message.requestUri);
  }

  #cancelSent(message: SimMessage, path: Path): void {
    const { branch } = message.vias[0]!;
    const known = this.downstreams.get(`${branch} CANCEL`);
    if (known !== undefined) {
      this.#checkRepeated(known, message, path);
      return;
    }
    const invite = this.downstreams.get(`${branch} INVITE`);
    if (invite === undefined) {
      this.#fault(`a CANCEL of nothing: ${message.summary}`);
      return;
    }
    const fault = hopByHopFault(invite.request, message, invite.request.to);
    if (fault !== undefined) this.#fault(`CANCEL: ${fault}: ${message.summary}`);
    if (path !== invite.path) this.#fault(`CANCEL takes another way than its INVITE: ${message.summary}`);
    if (invite.provisionalAt === undefined)
      this.#fault(`CANCEL before a provisional response (§9.1): ${message.summary}`);
    if (invite.final !== undefined) this.#fault(`CANCEL after a final response (§9.1): ${message.summary}`);
    invite.cancelledAt = this.#now;
    if (timerCFired(invite, this.#now)) this.#setting.note("Timer C");
    this.#addDownstream(invite.upstream, message, path);
  }

  #requestSent(message: SimMessage, path: Path): void {
    const known = this.downstreams.get(`${message.vias[0]!.branch} ${message.method}`);
    if (known !== undefined) {
      this.#checkRepeated(known, message, path);
      return;
    }
    const upstream = this.#upstreamBelow(message);
    if (upstream === undefined) {
      this.#fault(`a request that nobody sent: ${message.summary}`);
      return;
    }
    const { decision } = upstream;
    const requestUri = (decision?.kind === "proxy" && decision.requestUri) || upstream.request.requestUri;
    this.#checkForwarded(upstream.request, upstream.path, message, path, requestUri);
    this.#checkOrder(upstream, message, path);
    upstream.branches.push(this.#addDownstream(upstream, message, path));
    if (upstream.branches.length > 1) this.#setting.note("failover");
  }

  /** Serial search (§16.6): each target once and in order, and not while another one rings. */
  #checkOrder(upstream: Upstream, message: SimMessage, path: Path): void {
    const now = this.#now;
    if (upstream.finals.length > 0 && !upstream.decidedAnew)
      this.#fault(`forwarded after the final response: ${message.summary}`);
    if (upstream.cancelledAt !== undefined) this.#fault(`forwarded after CANCEL: ${message.summary}`);
    const places = this.candidates(upstream);
    const place = `${path.transport} ${path.peer}`;
    const at = places.indexOf(place);
    if (at < 0) this.#fault(`sent to ${place}, which is no target of it: ${message.summary}`);
    for (const earlier of upstream.branches) {
      const other = `${earlier.path.transport} ${earlier.path.peer}`;
      if (other === place) this.#fault(`sent twice to ${place}: ${message.summary}`);
      if (places.indexOf(other) > at) this.#fault(`${place} is out of order: ${message.summary}`);
      if (!isPending(earlier, now) || earlier.cancelledAt !== undefined) continue;
      const gone = wasOverdue(earlier) && message.method !== "INVITE";
      if (earlier.provisionalAt !== undefined && !gone) {
        this.#fault(`${place} is tried while ${other} works on it (§16.6): ${message.summary}`);
      } else if (earlier.provisionalAt === undefined && now < earlier.sentAt + 4000) {
        this.#fault(`${place} is tried too early: ${message.summary}`);
      }
    }
  }

  /** `transport ip:port` of every target, in order, as the table or the route set and the name service give them. */
  candidates(upstream: Upstream): string[] {
    const { decision, request, inDialog } = upstream;
    const beyond = routesBeyondUs(request, OUR_NAMES)[0];
    const uris = inDialog
      ? [beyond === undefined ? request.requestUri : uriOf(beyond)]
      : decision?.kind === "proxy"
        ? decision.nextHops
        : [];
    const located = uris.flatMap((uri) => {
      const query = queryOf(uri);
      const { directory } = this.#setting;
      const found = query && (inDialog ? directory.lookUp(query) : directory.saidFor(request.callId, query));
      return found?.ok ? found.targets.map((t) => `${t.transport} ${t.address}:${t.port}`) : [];
    });
    const connection = inDialog && beyond === undefined ? this.#connections.get(request.callId) : undefined;
    return connection === undefined || located.includes(connection) ? located : [connection, ...located];
  }

  #responseSent(message: SimMessage, path: Path): void {
    const upstream = this.upstreams.get(message.transactionId);
    if (upstream === undefined) {
      this.#fault(`a response to a request that never came: ${message.summary}`);
      return;
    }
    const passedOn = upstream.branches.some((branch) => branch.answers.has(message.text));
    if (passedOn && this.#mustForward?.text === message.text) this.#mustForward = undefined;
    const fault = responseFault(upstream, message, path, passedOn, this.#now);
    if (fault !== undefined) this.#fault(`${fault}: ${message.summary}`);
    if (message.status < 200) {
      if (message.status === 100) upstream.trying ??= this.#now;
      return;
    }
    if (!passedOn) this.#setting.note(`answered ${message.status} ourselves`);
    const { branches } = upstream;
    if (message.status < 300 && branches.slice(0, -1).some((branch) => branch.answers.has(message.text))) {
      this.#setting.note("2xx of a target that had been given up");
    }
    upstream.finalAt ??= this.#now;
    if (!upstream.finals.some((known) => known.text === message.text)) upstream.finals.push(message);
    else if (upstream.request.method !== "INVITE" || message.status >= 300)
      this.#setting.note("final response repeated");
  }

  #checkRepeated(known: Downstream, message: SimMessage, path: Path): void {
    if (message.text !== known.request.text) this.#fault(`a repetition differs: ${message.summary}`);
    if (path !== known.path) this.#fault(`a repetition takes another way: ${message.summary}`);
    if (path.transport !== "udp") this.#fault(`repeated over a stream (§17.1): ${message.summary}`);
    if (known.final !== undefined) this.#fault(`repeated after the final response: ${message.summary}`);
    if (message.method === "INVITE" && known.provisionalAt !== undefined) {
      this.#fault(`INVITE repeated after a provisional response (§17.1.1.2): ${message.summary}`);
    }
    this.#setting.note("request repeated by us");
  }

  #checkForwarded(received: SimMessage, from: Path, sent: SimMessage, to: Path, requestUri: string): void {
    const rule = {
      inbound: listenerOf(from),
      outbound: listenerOf(to),
      requestUri,
      recordRoute: sent.method !== "ACK",
      signed: this.#signed,
    };
    const fault = forwardingFault(received, sent, rule, OUR_NAMES);
    if (fault !== undefined) this.#fault(`forwarded request: ${fault}: ${sent.summary}`);
    if (rule.inbound !== rule.outbound) this.#setting.note("two Record-Routes");
    const via = sent.vias[1]!;
    const [ip, port] = from.peer.split(":");
    const wantsReceived = via.params.has("rport") || !via.sentBy.startsWith(`${ip}:`);
    if (wantsReceived && via.params.get("received") !== ip) this.#fault(`no received=${ip} (§18.2.1): ${via.text}`);
    if (via.params.has("rport") && via.params.get("rport") !== port)
      this.#fault(`no rport=${port} (RFC 3581): ${via.text}`);
  }

  #ownViaFault(message: SimMessage, path: Path): string | undefined {
    const via = message.vias[0];
    const { advertisedHost, advertisedPort } = listenerOf(path);
    if (via === undefined || via.sentBy !== `${advertisedHost}:${advertisedPort}`) return "no Via of ours on top";
    if (via.transport !== path.transport) return "a Via of another transport";
    if (!via.branch?.startsWith("z9hG4bK")) return "a Via without branch of RFC 3261";
    return undefined;
  }

  #upstreamBelow(message: SimMessage): Upstream | undefined {
    const via = message.vias[1];
    return this.upstreams.get(
      `${via?.sentBy} ${via?.branch ?? ""} ${message.callId} ${message.cseq} ${message.method}`,
    );
  }

  #addDownstream(upstream: Upstream, request: SimMessage, path: Path): Downstream {
    const branch: Downstream = {
      upstream,
      request,
      path,
      sentAt: this.#now,
      answers: new Set(),
      provisionalAt: undefined,
      ringingAt: undefined,
      final: undefined,
      finalAt: undefined,
      failuresHeard: 0,
      acks: 0,
      cancelledAt: undefined,
      brokenAt: undefined,
    };
    this.downstreams.set(`${request.vias[0]!.branch} ${request.method}`, branch);
    return branch;
  }

  get #now(): number {
    return this.#setting.clock.now;
  }

  #fault(text: string): void {
    this.#setting.violation(text);
  }
}

/** Whether a response has the Vias of the caller and the CSeq of the request: else it leads to nobody. */
function isAnswerTo({ request }: Downstream, { vias, cseq }: SimMessage): boolean {
  return vias.length === request.vias.length && cseq === request.cseq;
}

function listenerOf(path: Path): Listener {
  if (path.transport === "tcp") return LISTENERS[1]!;
  return LISTENERS.find((l) => l.transport === "udp" && path.local === `${GATEWAY_IP}:${l.port}`)!;
}
