import { createHash } from "node:crypto";
import { digestHash } from "../../src/engine/registrar.ts";
import type { RegistrationChange, RegistrationSettings, Trouble } from "../../src/registration/registration.ts";
import { Registrations } from "../../src/registration/registrations.ts";
import { CoreHarness, type Message, type Peer } from "../support/core-harness.ts";
import { SimRandom } from "../support/sim-random.ts";

export const ADDRESS = "sip:ocschat@contoso.com";
export const REGISTRAR = "10.5.0.1";
export const REGISTRAR_2 = "10.5.0.2";

/** What happened, as it was told. */
export interface Told {
  readonly at: number;
  readonly address: string;
  readonly what: RegistrationChange;
  readonly trouble: Trouble | undefined;
}

interface Setup extends Partial<RegistrationSettings> {
  readonly addresses?: readonly string[];
  readonly password?: string | undefined;
  readonly registrars?: readonly string[];
  readonly transport?: "udp" | "tcp";
  readonly seed?: number;
}

/** The registrations on a virtual clock, with the core that sends for them and registrars that say what a test tells them. */
export class RegistrationBench {
  readonly net: CoreHarness;
  readonly registrations: Registrations;
  readonly told: Told[] = [];
  password: string | undefined;

  constructor(setup: Setup = {}) {
    const { registrars = [REGISTRAR], transport = "tcp", seed = 1 } = setup;
    this.password = "password" in setup ? setup.password : "secret";
    this.net = new CoreHarness({ names: { "contoso.com": registrars.map((at) => `${transport}:${at}:5060`) } });
    const { net } = this;
    const random = new SimRandom(seed);
    let tokens = 0;
    const settings = {
      server: undefined,
      username: undefined,
      realm: undefined,
      algorithms: ["SHA-512-256", "SHA-256", "MD5"] as const,
      expiresSeconds: 600,
      ...setup,
    };
    this.registrations = new Registrations(settings, {
      send: (request, now, done) => net.core.originate(request, now, (result) => done(result, net.now)),
      sentBy: (listener) => net.core.identity.sentBy(listener),
      password: () => this.password,
      hash: digestHash,
      random: () => random.int(0, 999_999) / 1_000_000,
      token: () => `token${tokens++}`,
      changed: (registration, what) => {
        this.told.push({ at: net.now, address: registration.address, what, trouble: registration.trouble });
      },
    });
    this.registrations.keep(setup.addresses ?? [ADDRESS], net.now);
  }

  /** The registrar at an address, over the connection that is open, or the UDP address. */
  at(address = REGISTRAR, transport: "udp" | "tcp" = "tcp"): Peer {
    return this.net.peer(transport, address, 5060);
  }

  /** Lets time pass for core and registrations; each does what is due at its time. */
  advance(ms: number): void {
    const { net, registrations } = this;
    const end = net.now + ms;
    for (let due = this.nextDue; due <= end; due = this.nextDue) {
      net.now = Math.max(net.now, due);
      net.core.tick(net.now);
      registrations.tick(net.now);
    }
    net.now = end;
  }

  /** Lets time pass until a REGISTER is there, at most so long. */
  register(withinMs: number, address = REGISTRAR): Message {
    const end = this.net.now + withinMs;
    while (this.at(address).inbox.length === 0 && this.nextDue <= end)
      this.advance(Math.max(0, this.nextDue - this.net.now));
    if (this.at(address).inbox.length === 0) this.advance(end - this.net.now);
    return this.at(address).hears();
  }

  /** The connection breaks, and both are told. */
  breaks(address = REGISTRAR): void {
    const peer = this.at(address);
    peer.breaks();
    this.registrations.flowClosed(peer.flow, this.net.now);
  }

  get nextDue(): number {
    return Math.min(this.net.core.nextDue, this.registrations.nextDue);
  }

  /** 200 with our Contact as it came, for so many seconds. */
  accept(request: Message, expires = 600, address = REGISTRAR): void {
    const contact = request.one("Contact").replace(/;expires=\d+$/, `;expires=${expires}`);
    this.at(address).answers(request, "200 OK", { headers: `Contact: ${contact}\r\n` });
    this.registrations.tick(this.net.now);
  }

  answer(request: Message, status: string, headers = "", address = REGISTRAR): void {
    this.at(address).answers(request, status, { headers });
    this.registrations.tick(this.net.now);
  }

  challenge(request: Message, nonce: string, more = "", algorithm = "MD5"): void {
    this.answer(request, "401 Unauthorized", challengeLine(nonce, more, algorithm));
  }
}

export function challengeLine(nonce: string, more = "", algorithm = "MD5"): string {
  return `WWW-Authenticate: Digest realm="contoso.com", nonce="${nonce}", algorithm=${algorithm}, qop="auth"${more}\r\n`;
}

/** The parameters of an Authorization value; the values without their quotes. */
export function authorization(request: Message): Record<string, string> {
  const value = request.one("Authorization");
  return Object.fromEntries(
    [...value.matchAll(/(\w+)=(?:"([^"]*)"|([^,\s]+))/g)].map(([, name, quoted, bare]) => [name!, quoted ?? bare!]),
  );
}

/** The response that a registrar expects, worked out without the code under test (RFC 7616 §3.4.1). */
export function expectedResponse(fields: Record<string, string>, password: string): string {
  const name = { MD5: "md5", "SHA-256": "sha256", "SHA-512-256": "sha512-256" }[fields["algorithm"] ?? "MD5"]!;
  const h = (text: string): string => createHash(name).update(text, "utf8").digest("hex");
  const { username, realm, nonce, nc, cnonce, qop, uri } = fields;
  const secret = h([username, realm, password].join(":"));
  return h([secret, nonce, nc, cnonce, qop, h(`REGISTER:${uri}`)].join(":"));
}
