import { isDeepStrictEqual } from "node:util";
import { type HandshakeFailed, TlsAcceptor } from "./accept.ts";
import { TlsDialler } from "./dialler.ts";
import { LiveMaterial } from "./live-material.ts";
import type { TlsMaterial } from "./material.ts";
import { outboundFiles, type TlsListenSettings, type TlsOutboundSettings } from "./settings.ts";

/** Told what became of changed files, in sentences. */
export interface KeyReport {
  replaced(detail: string): void;
  refused(detail: string): void;
}

/** The two sets of files behind a TLS listener: for who calls, and for who is called. */
interface Sets {
  readonly listen: TlsListenSettings;
  readonly outbound: TlsOutboundSettings;
  readonly inward: LiveMaterial;
  /** The same object where the files are the same. */
  readonly outward: LiveMaterial;
}

/** The certificates of one listener, as acceptor and dialler use them; they change while it runs. */
export class TlsKeys {
  readonly dialler: TlsDialler;
  readonly #report: KeyReport;
  #sets: Sets;
  #acceptor: TlsAcceptor | undefined;

  private constructor(sets: Sets, report: KeyReport) {
    this.#sets = sets;
    this.#report = report;
    this.dialler = new TlsDialler(sets.outbound, sets.outward.current);
  }

  /** @throws WaypostError CERTIFICATE_INVALID */
  static async open(listen: TlsListenSettings, outbound: TlsOutboundSettings, report: KeyReport): Promise<TlsKeys> {
    let keys: TlsKeys | undefined;
    const sets = await openSets(listen, outbound, report, () => {
      if (keys !== undefined) keys.#use();
    });
    keys = new TlsKeys(sets, report);
    return keys;
  }

  /** The server's side with these certificates; made once. */
  acceptor(timeoutMs: number, failed: HandshakeFailed): TlsAcceptor {
    const { listen, inward } = this.#sets;
    this.#acceptor = new TlsAcceptor(listen, inward.current, timeoutMs, failed);
    return this.#acceptor;
  }

  /** What serves now. */
  get materials(): readonly TlsMaterial[] {
    const { inward, outward } = this.#sets;
    return inward === outward ? [inward.current] : [inward.current, outward.current];
  }

  /** Reads the files again, now. */
  async reload(): Promise<void> {
    const { inward, outward } = this.#sets;
    await inward.reload();
    if (outward !== inward) await outward.reload();
  }

  /** Changes to other settings; connections that are open go on. @throws WaypostError CERTIFICATE_INVALID, and nothing has changed */
  async change(listen: TlsListenSettings, outbound: TlsOutboundSettings): Promise<void> {
    const old = this.#sets;
    if (isDeepStrictEqual([listen, outbound], [old.listen, old.outbound])) return;
    this.#sets = await openSets(listen, outbound, this.#report, () => this.#use());
    closeSets(old);
    this.#use();
    this.#report.replaced("other TLS settings are in force");
  }

  close(): void {
    closeSets(this.#sets);
  }

  #use(): void {
    const { listen, outbound, inward, outward } = this.#sets;
    this.#acceptor?.use(listen, inward.current);
    this.dialler.use(outbound, outward.current);
  }
}

async function openSets(
  listen: TlsListenSettings,
  outbound: TlsOutboundSettings,
  report: KeyReport,
  changed: () => void,
): Promise<Sets> {
  const user = {
    replaced: (material: TlsMaterial) => {
      changed();
      report.replaced(inForce(material));
    },
    refused: (reason: string) => report.refused(`${reason}; what was there before goes on serving`),
  };
  const { legacy = false } = listen;
  const files = outboundFiles({}, listen);
  const inward = await LiveMaterial.open(files, legacy, user);
  const outwardFiles = outboundFiles(outbound, listen);
  if (isDeepStrictEqual(files, outwardFiles)) return { listen, outbound, inward, outward: inward };
  try {
    const weak = legacy || (outbound.legacyHosts?.length ?? 0) > 0;
    return { listen, outbound, inward, outward: await LiveMaterial.open(outwardFiles, weak, user) };
  } catch (error) {
    inward.close();
    throw error;
  }
}

function closeSets({ inward, outward }: Sets): void {
  inward.close();
  outward.close();
}

function inForce({ files, chain }: TlsMaterial): string {
  const [leaf] = chain;
  if (leaf === undefined) return `${files.ca ?? files.crl} is in force`;
  const subject = /^CN=(.*)$/m.exec(leaf.subject)?.[1] ?? leaf.subject.replaceAll("\n", ", ");
  const until = new Date(leaf.validTo).toISOString().slice(0, 10);
  return `${files.cert} is in force: the certificate of ${subject}, valid until ${until}`;
}
