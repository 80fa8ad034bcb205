import { retryAfterOf } from "../sip/address-outcome.ts";
import type { Flow, Listener, Target } from "../sip/flow.ts";
import type { SipMessage } from "../sip/message.ts";
import type { OwnRequest, OwnResult } from "../sip/originate.ts";
import { bracketed, parseUri } from "../sip/uri.ts";
import { backOff, jittered, refreshAfter, type TroubleKind } from "./back-off.ts";
import { type Challenge, credentials, type DigestAlgorithm, type Hash, seconds, strongest } from "./digest.ts";
import { DOMAIN_PARAM, grantedSeconds } from "./granted.ts";
import { contactsOf, headerValues, reasonInBrackets, registerHead, utf8 } from "./register-message.ts";

/** An attempt that has not ended by then, with all its rounds, is given up: nothing may wait for ever. */
const WATCHDOG_MS = 120_000;
/** Requests within one attempt: challenges of proxy and registrar, a stale nonce each, a longer time, redirections. */
const MAX_ROUNDS = 8;
const MAX_REDIRECTIONS = 3;
/** Attempts to unregister. */
const MAX_FAREWELLS = 2;
/** The longest time that a 423 may make us ask for. */
const LONGEST_EXPIRES_S = 7 * 86_400;
/** How soon a broken connection to the registrar makes us register anew; doubled while that goes on. */
const FLOW_LOST_MS = 2000;
const FLOW_LOST_MAX_MS = 300_000;
/** A connection that lived so long ends that doubling. */
const FLOW_LIVED_MS = 60_000;

export interface RegistrationSettings {
  /** Where REGISTER goes; undefined = the domain of the address. */
  readonly server: string | undefined;
  /** For digest; undefined = the user part of the address. */
  readonly username: string | undefined;
  readonly realm: string | undefined;
  readonly algorithms: readonly DigestAlgorithm[];
  readonly expiresSeconds: number;
}

/** What a registration needs of the world. Times are ms on one monotonic clock. */
export interface RegistrationWorld {
  /** Sends a request of ours. @returns gives it up; `done` is not called any more then */
  send(request: OwnRequest, now: number, done: (result: OwnResult, now: number) => void): () => void;
  /** Our `host:port` toward peers of this listener. */
  sentBy(listener: Listener): string;
  /** The password as it is now, as latin1 text of its UTF-8; undefined where there is none to be had. */
  password(): string | undefined;
  readonly hash: Hash;
  /** From 0 up to but not including 1. */
  random(): number;
  /** A word that nobody can foresee. */
  token(): string;
  /** Something that an operator wants to know has happened. */
  changed(registration: Registration, what: RegistrationChange): void;
}

/** `refreshed` for a registration that went on as before. */
export type RegistrationChange = "registered" | "refreshed" | "failed" | "unregistered";

/** Why it does not work at the moment. */
export interface Trouble {
  readonly kind: TroubleKind;
  /** A sentence for people. */
  readonly reason: string;
  /** How often in a row it failed in this way. */
  readonly times: number;
}

type Side = "www" | "proxy";

interface Answering {
  readonly challenge: Challenge;
  nonceCount: number;
  /** The attempt in which the nonce came. */
  readonly attempt: Attempt;
}

interface Attempt {
  readonly purpose: "register" | "unregister";
  readonly deadline: number;
  nextHop: string;
  requestUri: string;
  first: Target | undefined;
  rounds: number;
  redirections: number;
  giveUp: () => void;
}

/**
 * One legacy address at the upstream registrar (RFC 3261 §10.2): registers, refreshes in time, and goes on trying as
 * the kind of failure asks for. Pure: what comes and the clock go in, requests come out by its world.
 */
export class Registration {
  /** As the row writes it. */
  readonly address: string;
  /** Until when the registrar sends requests for the address here; 0 = it does not. */
  boundUntil = 0;
  /** When something is to be done next. Never Infinity but for what is over. */
  nextAt: number;
  trouble: Trouble | undefined;
  /** The address that answered last. */
  registrar: Target | undefined;
  /** The listener that we registered with. */
  listener: Listener | undefined;
  /** True once it is unregistered for good, or as good as that. */
  over = false;
  private settings: RegistrationSettings;
  private readonly world: RegistrationWorld;
  private readonly user: string;
  private readonly domain: string;
  private readonly callId: string;
  private readonly fromTag: string;
  private readonly answering: Record<Side, Answering | undefined> = { www: undefined, proxy: undefined };
  private cseq = 0;
  private expires: number;
  private attempt: Attempt | undefined;
  private leaving = false;
  private flow: Flow | undefined;
  private boundAt = 0;
  private farewells = 0;
  /** Connections in a row that broke soon. */
  private flowsLost = -1;

  /** @param address a validated SIP address with a user @param at when to begin */
  constructor(address: string, settings: RegistrationSettings, world: RegistrationWorld, at: number) {
    this.address = address;
    this.settings = settings;
    this.world = world;
    this.nextAt = at;
    this.expires = settings.expiresSeconds;
    const uri = parseUri(address)!;
    this.user = uri.user ?? "";
    this.domain = uri.host;
    this.callId = world.token();
    this.fromTag = world.token();
  }

  /** True while a request is under way. */
  get busy(): boolean {
    return this.attempt !== undefined;
  }

  isBound(now: number): boolean {
    return this.boundUntil > now;
  }

  /** Does what is due. */
  tick(now: number): void {
    if (this.over || now < this.nextAt) return;
    if (this.attempt === undefined) this.begin(this.leaving ? "unregister" : "register", now);
    else {
      this.attempt.giveUp();
      this.fail("unreachable", "the registrar let the request hang", now);
    }
  }

  /** Somebody wants it tried now, whatever the back-off says. */
  trigger(now: number): void {
    if (this.over || this.busy || this.leaving) return;
    this.nextAt = now;
  }

  /**
   * Gives up what is under way and registers by other settings now. A binding at a server that is not asked any more is
   * left to expire: where both share their bindings, taking the old one away would take the new one.
   */
  use(settings: RegistrationSettings, now: number): void {
    if (this.over || this.leaving) return;
    this.settings = settings;
    this.expires = settings.expiresSeconds;
    this.answering.www = this.answering.proxy = undefined;
    this.attempt?.giveUp();
    this.attempt = undefined;
    this.nextAt = now;
  }

  /** A connection broke. The registrar may have forgotten us with it. @returns whether it was the one used here */
  flowClosed(flow: Flow, now: number): boolean {
    if (flow !== this.flow) return false;
    this.flow = undefined;
    if (this.busy || this.leaving || !this.isBound(now)) return true;
    this.flowsLost = now - this.boundAt > FLOW_LIVED_MS ? 0 : this.flowsLost + 1;
    const wait = Math.min(FLOW_LOST_MS * 2 ** Math.min(this.flowsLost, 20), FLOW_LOST_MAX_MS);
    this.nextAt = Math.min(this.nextAt, now + jittered(wait, this.world.random()));
    return true;
  }

  /** Takes the binding away, as far as there may be one. */
  leave(now: number): void {
    if (this.leaving || this.over) return;
    this.leaving = true;
    const underWay = this.attempt !== undefined;
    this.attempt?.giveUp();
    this.attempt = undefined;
    if (underWay || this.isBound(now)) this.nextAt = now;
    else this.end();
  }

  /**
   * The address is wanted again before its binding was taken away. Our Call-ID stays, so that of a REGISTER that took it
   * away and is still under way the registrar knows by its lower CSeq that it is the older one (§10.3 step 7).
   */
  stay(settings: RegistrationSettings, now: number): void {
    this.leaving = false;
    this.farewells = 0;
    this.boundUntil = 0;
    this.use(settings, now);
  }

  private begin(purpose: Attempt["purpose"], now: number): void {
    const scheme = this.address.toLowerCase().startsWith("sips:") ? "sips" : "sip";
    const domainUri = `${scheme}:${bracketed(this.domain)}`;
    this.attempt = {
      purpose,
      deadline: now + WATCHDOG_MS,
      nextHop: this.settings.server ?? domainUri,
      // §10.2: the Request-URI names the domain of the location service.
      requestUri: domainUri,
      first: undefined,
      rounds: 0,
      redirections: 0,
      giveUp: () => {},
    };
    this.nextAt = this.attempt.deadline;
    this.send(this.attempt, now);
  }

  private send(attempt: Attempt, now: number): void {
    if (++attempt.rounds > MAX_ROUNDS) {
      this.fail("refused", "the registrar wants ever more rounds", now);
      return;
    }
    this.cseq++;
    const password = this.answering.www || this.answering.proxy ? this.world.password() : undefined;
    const authorization = this.authorization(attempt, password);
    const compose = (via: string, listener: Listener): string => {
      this.listener = listener;
      return registerHead({
        via,
        requestUri: attempt.requestUri,
        address: this.address,
        fromTag: this.fromTag,
        callId: this.callId,
        cseq: this.cseq,
        contact: this.contact(listener),
        expires: attempt.purpose === "register" ? this.expires : 0,
        credentials: authorization,
      });
    };
    const request = {
      method: "REGISTER",
      nextHop: attempt.nextHop,
      affinity: this.callId,
      first: attempt.first,
      compose,
    };
    attempt.giveUp = this.world.send(request, now, (result, then) => {
      if (this.attempt === attempt) this.received(attempt, result, then);
    });
  }

  private contact(listener: Listener): string {
    return `sip:${this.user}@${this.world.sentBy(listener)};transport=${listener.transport};${DOMAIN_PARAM}=${this.domain}`;
  }

  private authorization(attempt: Attempt, password: string | undefined): string {
    if (password === undefined) return "";
    const username = utf8(this.settings.username ?? this.user);
    return (["www", "proxy"] as const)
      .map((side) => {
        const answering = this.answering[side];
        if (answering === undefined) return "";
        const input = {
          username,
          password,
          method: "REGISTER",
          uri: attempt.requestUri,
          nonceCount: ++answering.nonceCount,
          cnonce: this.world.token(),
        };
        const name = side === "www" ? "Authorization" : "Proxy-Authorization";
        return `${name}: ${credentials(answering.challenge, input, this.world.hash)}\r\n`;
      })
      .join("");
  }

  private received(attempt: Attempt, result: OwnResult, now: number): void {
    if (result.kind === "failed") {
      this.fail("unreachable", result.reason, now);
      return;
    }
    const { response, target, flow } = result;
    const { status } = response;
    this.registrar = target;
    attempt.first = target;
    const said = `${target.host} answered ${status}${reasonInBrackets(response)}`;
    if (status < 300) this.accepted(attempt, response, flow, now);
    else if (status < 400) this.redirected(attempt, response, said, now);
    else if (status === 401 || status === 407) this.challenged(attempt, response, said, now);
    else if (status === 423) this.tooBrief(attempt, response, said, now);
    else if (status === 408 || status === 480 || status >= 500) {
      const after = retryAfterOf(response);
      this.fail(status < 600 ? "busy" : "refused", said, now, after === undefined ? undefined : after * 1000);
    } else this.fail("refused", `${said}: the registrar does not take ${this.address} from us`, now);
  }

  private accepted(attempt: Attempt, response: SipMessage, flow: Flow, now: number): void {
    if (attempt.purpose === "unregister") {
      this.boundUntil = 0;
      this.end();
      return;
    }
    const { user, domain } = this;
    const sentBy = this.listener && this.world.sentBy(this.listener);
    const granted = grantedSeconds(response, { user, domain, sentBy, asked: this.expires });
    if (granted < 1) {
      this.fail("refused", "the registrar answered 200 and keeps no binding of ours", now);
      return;
    }
    const isNews = !this.isBound(now) || this.trouble !== undefined;
    this.attempt = undefined;
    this.trouble = undefined;
    this.flow = flow;
    this.boundAt = now;
    this.boundUntil = now + granted * 1000;
    this.nextAt = now + refreshAfter(granted * 1000, this.world.random());
    this.world.changed(this, isNews ? "registered" : "refreshed");
  }

  private redirected(attempt: Attempt, response: SipMessage, said: string, now: number): void {
    const next = contactsOf(response).find(({ uri }) => parseUri(uri) !== undefined)?.uri;
    if (next === undefined || ++attempt.redirections > MAX_REDIRECTIONS) {
      this.fail("refused", `${said} and names no other registrar to follow`, now);
      return;
    }
    // §8.1.3.4: the Contact becomes the Request-URI, without what only says how to get there.
    const { secure, host, port } = parseUri(next)!;
    attempt.nextHop = next;
    attempt.requestUri = `${secure ? "sips" : "sip"}:${bracketed(host)}${port === undefined ? "" : `:${port}`}`;
    attempt.first = undefined;
    this.send(attempt, now);
  }

  private challenged(attempt: Attempt, response: SipMessage, said: string, now: number): void {
    const side: Side = response.status === 401 ? "www" : "proxy";
    const name = side === "www" ? "www-authenticate" : "proxy-authenticate";
    const { algorithms, realm } = this.settings;
    const challenge = strongest(headerValues(response, name), algorithms, realm);
    const username = this.settings.username ?? this.user;
    if (typeof challenge === "string") {
      this.fail("credentials", `${said}, and its challenge cannot be answered: ${challenge}`, now);
    } else if (this.world.password() === undefined) {
      this.fail("credentials", `${said}, and there is no password for ${username}: set registrar.password`, now);
    } else if (this.answering[side]?.attempt === attempt && !challenge.stale) {
      this.answering[side] = undefined;
      this.fail("credentials", `${said} to the password of ${username} in realm "${challenge.realm}"`, now);
    } else {
      this.answering[side] = { challenge, nonceCount: 0, attempt };
      this.send(attempt, now);
    }
  }

  private tooBrief(attempt: Attempt, response: SipMessage, said: string, now: number): void {
    const least = seconds(headerValues(response, "min-expires")[0]);
    if (attempt.purpose === "unregister" || least === undefined || least <= this.expires || least > LONGEST_EXPIRES_S) {
      this.fail("refused", `${said}, with Min-Expires ${least ?? "missing"}, to ${this.expires} s`, now);
      return;
    }
    this.expires = least;
    this.send(attempt, now);
  }

  private fail(kind: TroubleKind, reason: string, now: number, afterMs?: number): void {
    const { attempt } = this;
    this.attempt = undefined;
    // The connection may have been a dead one; a second attempt makes a new one.
    if (attempt?.purpose === "unregister" && kind === "unreachable" && ++this.farewells < MAX_FAREWELLS) {
      this.nextAt = now;
      return;
    }
    if (attempt?.purpose === "unregister") {
      this.trouble = { kind, reason, times: 1 };
      this.world.changed(this, "failed");
      this.end();
      return;
    }
    const times = this.trouble?.kind === kind ? this.trouble.times + 1 : 1;
    this.trouble = { kind, reason, times };
    this.nextAt = now + jittered(backOff(kind, times, afterMs), this.world.random());
    this.world.changed(this, "failed");
  }

  private end(): void {
    this.attempt = undefined;
    this.over = true;
    this.nextAt = Number.POSITIVE_INFINITY;
    if (this.trouble === undefined) this.world.changed(this, "unregistered");
  }
}
