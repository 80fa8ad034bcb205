import { createHash, randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { isDeepStrictEqual } from "node:util";
import type { Logger } from "pino";
import type { RegistrarConfig } from "../config/config.ts";
import { watchFiles } from "../file-watch.ts";
import { CHANNELS, type RegistrationChanged } from "../observe/channels.ts";
import { Bindings } from "../registration/bindings.ts";
import type { DigestAlgorithm, Hash } from "../registration/digest.ts";
import { utf8 } from "../registration/register-message.ts";
import type {
  Registration,
  RegistrationChange,
  RegistrationSettings,
  RegistrationWorld,
} from "../registration/registration.ts";
import { MAX_REGISTRATIONS, Registrations } from "../registration/registrations.ts";
import type { Flow, Listener } from "../sip/flow.ts";
import type { OwnRequest, OwnResult } from "../sip/originate.ts";
import type { EngineRegistrar, RegistrationReport } from "./engine.ts";
import { reportOf } from "./registration-report.ts";

/** How often a gateway that stops looks whether its registrations are gone. */
const LOOK_MS = 20;
/** setTimeout takes no more than 31 bits. */
const LONGEST_SLEEP_MS = 0x7fffffff;

const NODE_NAMES: Readonly<Record<DigestAlgorithm, string>> = {
  "SHA-512-256": "sha512-256",
  "SHA-256": "sha256",
  MD5: "md5",
};

/** The hashes of RFC 8760 by node:crypto. */
export const digestHash: Hash = (algorithm, text) => {
  return createHash(NODE_NAMES[algorithm]).update(text, "latin1").digest("hex");
};

/** What the registrar needs of the engine. */
export interface RegistrarHost {
  readonly listeners: readonly Listener[];
  sentBy(listener: Listener): string;
  /** True when host and port of a SIP URI are ours. */
  isSelf(uri: string): boolean;
  originate(request: OwnRequest, done: (result: OwnResult) => void): () => void;
}

/** Keeps the pure registrations going: gives them a clock, a password, hashes and chance, and tells what they do. */
export class Registrar implements EngineRegistrar {
  readonly #host: RegistrarHost;
  #config: RegistrarConfig;
  readonly #log: Logger;
  readonly #registrations: Registrations;
  readonly #bindings = new Bindings();
  #unwatch: () => void;
  #password: string | undefined;
  #wake: NodeJS.Timeout | undefined;
  #complained = false;
  #isClosed = false;

  constructor(host: RegistrarHost, config: RegistrarConfig, log: Logger) {
    this.#host = host;
    this.#config = config;
    this.#log = log;
    this.#registrations = new Registrations(settingsOf(config), this.#world());
    this.#password = this.#readPassword();
    this.#unwatch = this.#watchPassword();
  }

  /**
   * Takes over a changed group `registrar`, and registers all anew by it at once; does nothing where it is the same. One
   * that is added or taken away needs another process, since the rest of the gateway is built with or without it.
   */
  reload(config: RegistrarConfig): void {
    if (isDeepStrictEqual(config, this.#config)) return;
    this.#config = config;
    this.#unwatch();
    this.#unwatch = this.#watchPassword();
    this.#password = this.#readPassword();
    this.#log.info({ server: config.server }, "the settings of the registrar have changed: registering anew");
    this.#registrations.use(settingsOf(config), performance.now());
    this.#schedule();
  }

  /** Sets which addresses are called by our Contact, whoever registers it. @param addresses as their rows write them */
  serve(addresses: Iterable<string>): void {
    this.#bindings.set(addresses);
  }

  /** Sets which addresses are kept registered. @param addresses as their rows write them */
  keep(addresses: Iterable<string>): void {
    this.#registrations.keep(addresses, performance.now());
    const { leftOut } = this.#registrations;
    if (leftOut > 0 && !this.#complained) {
      this.#log.error(
        { leftOut, most: MAX_REGISTRATIONS },
        "more addresses ask to be registered than one gateway does",
      );
    }
    this.#complained = leftOut > 0;
    this.#schedule();
  }

  /** Tries an address, or all, at once, with the password as it is now. @returns how many that are */
  trigger(address: string | undefined): number {
    this.#password = this.#readPassword();
    const count = this.#registrations.trigger(address, performance.now());
    this.#schedule();
    return count;
  }

  flowClosed(flow: Flow): void {
    if (this.#registrations.flowClosed(flow, performance.now())) this.#schedule();
  }

  /** The legacy address that a Request-URI with our own host names by its binding. */
  addressOf(requestUri: string): string | undefined {
    return this.#host.isSelf(requestUri) ? this.#bindings.addressOf(requestUri) : undefined;
  }

  /** Takes all bindings away; resolves when that is done, at the latest after `withinMs`. */
  async leave(withinMs: number): Promise<void> {
    this.#registrations.leaveAll(performance.now());
    this.#schedule();
    const deadline = performance.now() + withinMs;
    while (this.#registrations.left > 0 && performance.now() < deadline) {
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    }
    const { left } = this.#registrations;
    if (left > 0) this.#log.warn({ left }, "not every registration could be taken back; they expire by themselves");
  }

  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#wake);
    this.#unwatch();
  }

  describe(): readonly RegistrationReport[] {
    const now = performance.now();
    return this.#registrations.list.map((registration) => reportOf(registration, now));
  }

  #world(): RegistrationWorld {
    return {
      send: (request, _now, done) =>
        this.#host.originate(request, (result) => {
          done(result, performance.now());
          this.#schedule();
        }),
      sentBy: (listener) => this.#host.sentBy(listener),
      password: () => this.#password,
      hash: digestHash,
      random: Math.random,
      token: () => randomBytes(9).toString("hex"),
      changed: (registration, what) => this.#changed(registration, what),
    };
  }

  #changed(registration: Registration, what: RegistrationChange): void {
    const { address, trouble, registrar, listener } = registration;
    const fields = { endpoint: address, registrar: registrar?.host };
    if (what === "registered") this.#log.info(fields, "registered");
    else if (what === "unregistered") this.#log.info(fields, "unregistered");
    else if (what === "refreshed") this.#log.debug(fields, "the registration was refreshed");
    else {
      const next = Math.max(0, Math.round((registration.nextAt - performance.now()) / 1000));
      const more = { kind: trouble?.kind, reason: trouble?.reason, times: trouble?.times, nextTrySeconds: next };
      const isNews = trouble?.times === 1;
      this.#log[isNews ? "error" : "warn"]({ ...fields, ...more }, "the registration failed");
    }
    const channel = CHANNELS.registration;
    if (!channel.hasSubscribers) return;
    const source = { listener: listener ?? this.#host.listeners[0]! };
    const result = what === "failed" ? (trouble?.kind ?? "failed") : what;
    channel.publish({ type: "registration", source, endpoint: address, result } satisfies RegistrationChanged);
  }

  #watchPassword(): () => void {
    const { passwordFile } = this.#config;
    return watchFiles(passwordFile === undefined ? [] : [passwordFile], async () => this.#lookAtPassword());
  }

  #readPassword(): string | undefined {
    const { password, passwordFile } = this.#config;
    if (passwordFile === undefined) return password === undefined ? undefined : utf8(password);
    try {
      return utf8(readFileSync(passwordFile, "utf8").split(/\r?\n/, 1)[0]!);
    } catch (error) {
      this.#log.error({ reason: (error as Error).message }, "the password of the registrar cannot be read");
      return undefined;
    }
  }

  #lookAtPassword(): void {
    const password = this.#readPassword();
    if (password === undefined || password === this.#password) return;
    this.#password = password;
    this.#log.info("the password of the registrar has changed");
    this.#registrations.passwordChanged(performance.now());
    this.#schedule();
  }

  #schedule(): void {
    clearTimeout(this.#wake);
    const due = this.#registrations.nextDue;
    // What is still under way ends when the transports close, and must not begin anew.
    if (this.#isClosed || due === Number.POSITIVE_INFINITY) return;
    const wait = Math.min(LONGEST_SLEEP_MS, Math.max(0, due - performance.now()));
    this.#wake = setTimeout(() => {
      this.#registrations.tick(performance.now());
      this.#schedule();
    }, wait).unref();
  }
}

function settingsOf({ server, username, realm, algorithms, expiresSeconds }: RegistrarConfig): RegistrationSettings {
  return { server, username, realm, algorithms, expiresSeconds };
}
