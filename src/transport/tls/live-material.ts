import { stat } from "node:fs/promises";
import { isDeepStrictEqual } from "node:util";
import { watchFiles } from "../../file-watch.ts";
import { readMaterial, type TlsMaterial } from "./material.ts";
import type { TlsFiles } from "./settings.ts";

/** Who is told what becomes of changed files. */
export interface MaterialUser {
  /** Good new material; from now on it serves. */
  replaced(material: TlsMaterial): void;
  /** The files hold something that cannot serve; what served before goes on. Told once for each fault. */
  refused(reason: string): void;
}

/** Certificate and key are replaced one after the other; a fault that lasts no longer than this is no fault. */
const SETTLE_MS = 1000;

/** A set of certificate files that is followed: what they hold now serves, as long as it is good. */
export class LiveMaterial {
  #current: TlsMaterial;
  readonly #legacy: boolean;
  readonly #user: MaterialUser;
  #stopWatching: () => void = () => undefined;
  /** Times and sizes of the files when they were last read. */
  #signature: string | undefined;
  /** The fault that was found last, and since when it is there. */
  #fault: { readonly reason: string; readonly since: number; told: boolean } | undefined;
  #turn: Promise<unknown> = Promise.resolve();

  private constructor(current: TlsMaterial, legacy: boolean, user: MaterialUser) {
    this.#current = current;
    this.#legacy = legacy;
    this.#user = user;
  }

  /** Reads the files and follows them. @throws WaypostError CERTIFICATE_INVALID */
  static async open(files: TlsFiles, legacy: boolean, user: MaterialUser): Promise<LiveMaterial> {
    const live = new LiveMaterial(await readMaterial(files, legacy), legacy, user);
    const paths = [files.cert, files.key, files.ca, files.crl].filter((path) => path !== undefined);
    if (paths.length > 0) live.#stopWatching = watchFiles(paths, () => live.#inTurn(() => live.#look(false)));
    return live;
  }

  get current(): TlsMaterial {
    return this.#current;
  }

  /** Reads the files now, changed or not. A fault is told at once. */
  async reload(): Promise<void> {
    await this.#inTurn(() => this.#look(true));
  }

  close(): void {
    this.#stopWatching();
  }

  #inTurn(look: () => Promise<void>): Promise<void> {
    const turn = this.#turn.then(look);
    this.#turn = turn.catch(() => undefined);
    return turn;
  }

  async #look(demanded: boolean): Promise<void> {
    const { files } = this.#current;
    const signature = await signatureOf(files);
    const pending = this.#fault !== undefined && !this.#fault.told;
    if (!demanded && !pending && signature === this.#signature) return;
    this.#signature = signature;
    try {
      const material = await readMaterial(files, this.#legacy);
      const same = isDeepStrictEqual(contents(material), contents(this.#current));
      if (material.cert !== this.#current.cert) refuseOutOfDate(material);
      this.#fault = undefined;
      if (same) return;
      this.#current = material;
      this.#user.replaced(material);
    } catch (error) {
      this.#faulty((error as Error).message, demanded);
    }
  }

  #faulty(reason: string, tellNow: boolean): void {
    const now = performance.now();
    if (this.#fault?.reason !== reason) this.#fault = { reason, since: now, told: false };
    if (this.#fault.told || !(tellNow || now - this.#fault.since >= SETTLE_MS)) return;
    this.#fault.told = true;
    this.#user.refused(reason);
  }
}

function contents({ cert, key, ca, crl }: TlsMaterial): unknown {
  return { cert, key, ca, crl };
}

/** A new certificate that does not hold today is no better than the one that serves. */
function refuseOutOfDate({ files, chain }: TlsMaterial): void {
  const leaf = chain[0];
  if (leaf === undefined) return;
  const now = Date.now();
  if (Date.parse(leaf.validTo) <= now) throw new Error(`${files.cert} has expired (${leaf.validTo})`);
  if (Date.parse(leaf.validFrom) > now) throw new Error(`${files.cert} is not valid before ${leaf.validFrom}`);
}

async function signatureOf({ cert, key, ca, crl }: TlsFiles): Promise<string> {
  const parts = await Promise.all(
    [cert, key, ca, crl].map(async (path) => {
      if (path === undefined) return "";
      try {
        const { ino, size, mtimeNs, ctimeNs } = await stat(path, { bigint: true });
        return `${ino} ${size} ${mtimeNs} ${ctimeNs}`;
      } catch (error) {
        return (error as NodeJS.ErrnoException).code ?? "";
      }
    }),
  );
  return parts.join("|");
}
