import { retryAfterSeconds } from "../sip/capacity.ts";
import type { Flow } from "../sip/flow.ts";
import { refuseUnread, type UnreadSource, unreadKey, unreadKind } from "../sip/unread.ts";
import type { Admission, Offence, Verdict } from "../transport/admission.ts";
import { type Ban, Bans } from "./bans.ts";
import { HeavySources } from "./heavy-sources.ts";
import { Overload } from "./overload.ts";
import { type Source, Sources, sourceKey, sourceNamed } from "./sources.ts";

export interface GuardSettings {
  /** Messages per second of one source; 0 = any number. Twice as many may come at once, and fewer while the event loop is behind. */
  readonly messagesPerSecond: number;
  /** Connections of one source at once. */
  readonly connectionsPerSource: number;
  /** So many offences within a minute ban a source; 0 = never. */
  readonly banAfter: number;
  readonly banSeconds: number;
  /** See Overload. 0 = never overloaded. */
  readonly overloadDelayMs: number;
}

export interface GuardSetup {
  readonly settings: GuardSettings;
  /** Peers that no limit applies to. */
  readonly trusts: (address: string) => boolean;
  /** The same for the peer of a connection, by what its certificate proves. */
  readonly proves: (flow: Flow) => boolean;
  /** Whether a request with this key of a server transaction is being served: a repetition of it is not refused. */
  readonly isServing: (key: string) => boolean;
  /**
   * Whether another process is to answer what comes in datagrams with this Call-ID: then that one decides under
   * overload, by `passedOn`. Absent = there is no other.
   */
  readonly isElsewhere?: (callId: string) => boolean;
  /** Told of each address that is exempt since it belongs to a pool. */
  readonly poolKnown?: (address: string) => void;
  /** A monotonic clock in ms. */
  readonly clock: () => number;
  /** 32 random bits. */
  readonly seed: number;
  /** Our name in Server and Warning headers. */
  readonly name: () => string;
  /** Told when a limit begins to bite, not for each message. */
  readonly tell: (kind: GuardEvent, detail: string) => void;
}

export type GuardEvent = "source-limited" | "banned" | "overloaded" | "overload-over";

/** What the guard has done since the start; all but the last three only grow. */
export interface GuardCounts {
  /** Datagrams dropped since their source was over its rate, or banned. */
  limited: number;
  bannedMessages: number;
  bannedConnections: number;
  /** Connections turned away since their source had as many as it may. */
  crowdedConnections: number;
  bansBegun: number;
  /** Requests answered unread: new ones with 503, those inside dialogs with 481. */
  overloadNew: number;
  overloadInDialog: number;
  sources: number;
  bans: number;
  /** The share of new requests that is let in at the moment. */
  share: number;
}

/** Sources remembered. */
const MAX_SOURCES = 50_000;
/** As far down the rate of a source is tightened while the event loop is behind. */
const LEAST_PER_SECOND = 100;
/** Per look: from 2000 to the least within a second, and back in about seven. */
const TIGHTEN = 0.5;
const LOOSEN = 1.1;
const MAX_BANS = 10_000;
/** Addresses of pools remembered as exempt from limits, and for how long after a call was last led there. */
const MAX_POOLS = 10_000;
const POOL_MS = 3_600_000;
/** Whose new time differs less from the one before is not written down anew. */
const POOL_STEP_MS = 60_000;
const OFFENCE_WINDOW_MS = 60_000;
const TELL_AGAIN_MS = 60_000;

/** Who has sent a message on a connection within this time speaks SIP, whatever else it speaks. */
const SPEAKS_SIP_MS = 300_000;

const OFFENCES: Readonly<Record<Offence, string>> = {
  "other-protocol": "speaks HTTP or TLS where SIP is spoken",
  "not-sip": "speaks no SIP",
  slow: "takes too long for messages and handshakes",
};

/** The admission of a gateway: bans, a rate per source, and overload, in this order and before a message is read. */
export class Guard implements Admission {
  readonly overload: Overload;
  readonly #setup: GuardSetup;
  readonly #sources: Sources;
  readonly #bans: Bans;
  readonly #connections = new Map<string, number>();
  /** Until when each address is exempt; the one that was named longest ago first. */
  readonly #pools = new Map<string, number>();
  readonly #limited: boolean;
  readonly #heavy = new HeavySources();
  #perSecond: number;
  #overloaded = false;
  #counts = {
    limited: 0,
    bannedMessages: 0,
    bannedConnections: 0,
    crowdedConnections: 0,
    bansBegun: 0,
    overloadNew: 0,
    overloadInDialog: 0,
  };

  constructor(setup: GuardSetup) {
    const { messagesPerSecond, banSeconds, overloadDelayMs } = setup.settings;
    this.#setup = setup;
    this.#limited = messagesPerSecond > 0;
    const perSecond = this.#limited ? messagesPerSecond : Number.POSITIVE_INFINITY;
    this.#perSecond = perSecond;
    this.#sources = new Sources({ perSecond, burst: 2 * perSecond }, MAX_SOURCES);
    this.#bans = new Bans(banSeconds * 1000, MAX_BANS);
    this.overload = new Overload(overloadDelayMs > 0 ? overloadDelayMs : Number.POSITIVE_INFINITY);
  }

  get counts(): GuardCounts {
    return {
      ...this.#counts,
      sources: this.#sources.size,
      bans: this.bans().length,
      share: this.overload.share,
    };
  }

  /** How full its tables are. */
  get tables() {
    return [
      { name: "sources", entries: this.#sources.size, bound: MAX_SOURCES },
      { name: "bans", entries: this.bans().length, bound: MAX_BANS },
      { name: "sources with connections", entries: this.#connections.size },
      { name: "addresses without limits", entries: this.#pools.size, bound: MAX_POOLS },
    ];
  }

  datagram(bytes: Buffer, address: string, port: number): Verdict {
    if (this.#bans.size > 0 && this.#isBanned(address)) {
      this.#counts.bannedMessages++;
      return "drop";
    }
    if (this.#limited) {
      const now = this.#setup.clock();
      const source = this.#sources.of(address, now);
      this.#heavy.heard(source, address);
      if (source.tokens >= 1) source.tokens--;
      else if (!this.#isExempt(address, source)) {
        this.#counts.limited++;
        this.#tellLimited(source, now);
        return "drop";
      }
    }
    if (!this.overload.active || this.#setup.isElsewhere?.(callIdOf(bytes))) return "pass";
    return this.#underLoad(bytes, { address, port });
  }

  /** A datagram that another process read, and let in. */
  passedOn(bytes: Buffer, address: string, port: number): Verdict {
    return this.overload.active ? this.#underLoad(bytes, { address, port }) : "pass";
  }

  message(bytes: Buffer, flow: Flow): Verdict {
    const source = this.#sources.of(flow.remoteAddress, this.#setup.clock());
    source.messageAt = source.at;
    // Overdrawn rather than dropped: on a stream nobody sends it again. `pauseMs` makes the source wait.
    if (this.#limited) {
      source.tokens--;
      this.#heavy.heard(source, flow.remoteAddress);
    }
    if (flow.peerNames !== undefined && source.exempt !== flow.remoteAddress && this.#setup.proves(flow)) {
      source.exempt = flow.remoteAddress;
    }
    if (!this.overload.active) return "pass";
    return this.#underLoad(bytes, { address: flow.remoteAddress, port: flow.remotePort });
  }

  pauseMs(address: string): number {
    if (!this.#limited) return 0;
    const now = this.#setup.clock();
    const source = this.#sources.of(address, now);
    if (source.tokens >= 0) return 0;
    if (this.#isExempt(address, source)) {
      source.tokens = 0;
      return 0;
    }
    this.#tellLimited(source, now);
    return this.#sources.waitMs(source);
  }

  connection(address: string): string | undefined {
    if (this.#bans.size > 0 && this.#isBanned(address)) {
      this.#counts.bannedConnections++;
      return "is banned";
    }
    const key = sourceKey(address);
    const open = this.#connections.get(key) ?? 0;
    if (open >= this.#setup.settings.connectionsPerSource && !this.#isExempt(address)) {
      this.#counts.crowdedConnections++;
      return `has ${open} connections already`;
    }
    this.#connections.set(key, open + 1);
    return undefined;
  }

  connectionClosed(address: string): void {
    const key = sourceKey(address);
    const left = (this.#connections.get(key) ?? 0) - 1;
    if (left > 0) this.#connections.set(key, left);
    else this.#connections.delete(key);
  }

  offence(address: string, kind: Offence): void {
    const { banAfter, banSeconds } = this.#setup.settings;
    if (banAfter === 0) return;
    const now = this.#setup.clock();
    const source = this.#sources.of(address, now);
    if (this.#isExempt(address, source)) return;
    // A balancer that asks by HTTP whether we live, and brings calls from the same address. Without the messages it
    // costs no more than connections that are opened and closed.
    if (kind === "other-protocol" && now - source.messageAt < SPEAKS_SIP_MS) return;
    if (now - source.offendedAt > OFFENCE_WINDOW_MS) {
      source.offendedAt = now;
      source.offences = 0;
    }
    if (++source.offences < banAfter) return;
    source.offences = 0;
    this.#counts.bansBegun++;
    this.#bans.add(source.key, OFFENCES[kind], now);
    this.#setup.tell("banned", `${source.key} ${OFFENCES[kind]}; it is banned for ${banSeconds} s`);
  }

  /**
   * The address belongs to a pool or next hop of our own choice: no limit applies to what it sends, for an hour. Called
   * again and again while calls are led there.
   * @param isTold another process has found it
   */
  knowPool(address: string, isTold = false): void {
    const until = this.#setup.clock() + POOL_MS;
    const before = this.#pools.get(address);
    if (before !== undefined && until - before < POOL_STEP_MS) return;
    this.#pools.delete(address);
    if (this.#pools.size >= MAX_POOLS) this.#pools.delete(this.#pools.keys().next().value!);
    this.#pools.set(address, until);
    if (!isTold) this.#setup.poolKnown?.(address);
  }

  /** What is in force; `until` on the guard's clock. */
  bans(): Ban[] {
    return this.#bans.list(this.#setup.clock());
  }

  /** Ends the ban of an address in any spelling, or of a network as `bans` names it, or all. @returns how many ended */
  lift(address?: string): number {
    if (address === undefined) return this.#bans.lift();
    const source = sourceNamed(address);
    return source === undefined ? 0 : this.#bans.lift(source);
  }

  /** Another look at the load; see Overload. */
  look(sample: Parameters<Overload["sample"]>[0]): void {
    // First the sources that send most, then everybody.
    const found = this.#limited
      ? this.#heavy.take(
          (source) => this.#sources.perSecond(source) > LEAST_PER_SECOND && !this.#isExempt(source.address, source),
        )
      : [];
    const mayTighten = this.#limited && (found.length > 0 || this.#perSecond > LEAST_PER_SECOND);
    this.overload.sample(sample, mayTighten);
    this.#adaptRate(found);
    if (this.overload.active === this.#overloaded) return;
    this.#overloaded = this.overload.active;
    const { delayMs, busy, fill } = sample;
    const seen = `event loop ${Math.round(delayMs)} ms late, busy ${Math.round(busy * 100)} %, tables ${Math.round(fill * 100)} % full`;
    if (this.#overloaded) this.#setup.tell("overloaded", `new requests are refused in part: ${seen}`);
    else this.#setup.tell("overload-over", `all requests are let in again: ${seen}`);
  }

  /** @param heavy those that sent more than their share since the last look */
  #adaptRate(heavy: readonly Source[]): void {
    const { messagesPerSecond } = this.#setup.settings;
    if (!this.#limited || messagesPerSecond <= LEAST_PER_SECOND) return;
    const { behind } = this.overload;
    if (!behind) this.#heavy.loosen(LOOSEN, messagesPerSecond);
    else if (heavy.length > 0) {
      for (const source of heavy) {
        this.#heavy.cap(source, Math.max(LEAST_PER_SECOND, this.#sources.perSecond(source) * TIGHTEN));
      }
      return;
    }
    const wanted = behind
      ? Math.max(LEAST_PER_SECOND, this.#perSecond * TIGHTEN)
      : Math.min(messagesPerSecond, this.#perSecond * LOOSEN);
    if (wanted === this.#perSecond) return;
    this.#perSecond = wanted;
    this.#sources.rate = { perSecond: wanted, burst: 2 * wanted };
  }

  #underLoad(bytes: Buffer, source: UnreadSource): Verdict {
    const kind = unreadKind(bytes);
    if (kind === "vital") return "pass";
    const hash = hashOfCallId(bytes, this.#setup.seed);
    const name = this.#setup.name();
    if (kind === "new" || kind === "unknown") {
      if (this.overload.admits(hash) || this.#isRepetition(bytes)) return "pass";
      this.#counts.overloadNew++;
      const why = "the gateway is overloaded";
      const headers =
        `Retry-After: ${retryAfterSeconds(hash)}\r\nServer: Waypost\r\n` +
        `Warning: 399 ${name} "${why}"\r\nms-diagnostics: 24503;reason="${why}";source="${name}"\r\n`;
      return refuseUnread(bytes, source, "SIP/2.0 503 Service Unavailable", tagOf(hash), headers) ?? "drop";
    }
    if (!this.overload.severe || this.#isRepetition(bytes)) return "pass";
    this.#counts.overloadInDialog++;
    // DEVIATION: 481 in place of 503 inside a dialog: a legacy client then looks up its contact again, while any 5xx
    // sends it into a loop of UPDATE requests.
    const startLine = "SIP/2.0 481 Call/Transaction Does Not Exist";
    return refuseUnread(bytes, source, startLine, tagOf(hash), "Server: Waypost\r\n") ?? "drop";
  }

  /** A second answer to a request that is being served would contradict the first, or end a dialog that is well. */
  #isRepetition(bytes: Buffer): boolean {
    const key = unreadKey(bytes);
    return key !== undefined && this.#setup.isServing(key);
  }

  #isBanned(address: string): boolean {
    return this.#bans.find(sourceKey(address), this.#setup.clock()) !== undefined;
  }

  /** Asked only where a limit would bite; who was found to be trusted is remembered. */
  #isExempt(address: string, source = this.#sources.of(address, this.#setup.clock())): boolean {
    if (source.exempt === address || this.#isPool(address)) return true;
    if (!this.#setup.trusts(address)) return false;
    source.exempt = address;
    return true;
  }

  #isPool(address: string): boolean {
    const until = this.#pools.get(address);
    if (until === undefined || until > this.#setup.clock()) return until !== undefined;
    this.#pools.delete(address);
    return false;
  }

  #tellLimited(source: Source, now: number): void {
    if (now - source.toldAt < TELL_AGAIN_MS) return;
    source.toldAt = now;
    this.#setup.tell(
      "source-limited",
      `${source.key} sends more than ${Math.round(this.#sources.perSecond(source))} messages per second`,
    );
  }
}

const CALL_ID = /^(?:call-id|i)[ \t]*:[ \t]*/im;
/** Longer heads are hashed as far as this. */
const MOST_HASHED = 4096;

/** The Call-ID of a message that was not parsed; its first line where there is none. */
function callIdOf(bytes: Buffer): string {
  const head = bytes.toString("latin1", 0, Math.min(bytes.length, MOST_HASHED));
  const found = CALL_ID.exec(head);
  const start = found === null ? 0 : found.index + found[0].length;
  let end = start;
  while (end < head.length && head.charCodeAt(end) >= 0x20) end++;
  return head.slice(start, end).trimEnd();
}

/** A hash that all requests of one Call-ID share, and that spreads Call-IDs evenly. @param seed so that nobody foresees it */
function hashOfCallId(bytes: Buffer, seed: number): number {
  const callId = callIdOf(bytes);
  let hash = seed;
  for (let at = 0; at < callId.length; at++) hash = Math.imul(hash ^ callId.charCodeAt(at), 0x01000193);
  // FNV alone leaves the top bits of similar texts alike.
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

function tagOf(hash: number): string {
  return `overload-${hash.toString(36)}`;
}
