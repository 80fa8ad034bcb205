import { mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { clearTemporaries, ownTemporary } from "./own-temporary.ts";
import { type GatewayReport, type KnownGateway, REPORT_EXPIRY_MS } from "./store.ts";

/** After this silence a gateway is not even listed any more. */
const FORGET_MS = 24 * 3_600_000;

/** What the gateways of one endpoint file tell each other: `<file>.gateways/NAME.json`, one file for each of them. */
export class GatewayFolder {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** Puts a gateway's newest report in the place of its last one. */
  async report(report: GatewayReport): Promise<void> {
    const path = this.#path(report.name);
    await mkdir(this.#folder, { recursive: true });
    await clearTemporaries(path);
    // The old and the new process of a gateway report under one name during an upgrade.
    const temporary = ownTemporary(path);
    try {
      await writeFile(temporary, `${JSON.stringify(report)}\n`);
      await rename(temporary, path);
    } catch (error) {
      await rm(temporary, { force: true }).catch(() => undefined);
      throw error;
    }
  }

  /** Takes a gateway's report away. */
  async dismiss(name: string): Promise<void> {
    await rm(this.#path(name), { force: true });
  }

  /** The gateways by name. What cannot be read is left out; what is older than a day is cleared away. */
  async list(now: number): Promise<KnownGateway[]> {
    const names = await readdir(this.#folder).catch(() => []);
    const known: KnownGateway[] = [];
    for (const name of names.filter((each) => each.endsWith(".json")).sort()) {
      const path = join(this.#folder, name);
      try {
        const report = JSON.parse(await readFile(path, "utf8")) as GatewayReport;
        const silentMs = now - Date.parse(report.at);
        if (silentMs > FORGET_MS) {
          await rm(path, { force: true });
        } else {
          known.push({ ...report, live: silentMs <= REPORT_EXPIRY_MS });
        }
      } catch {
        // A report that is just being replaced by another user's gateway, or was tampered with.
      }
    }
    return known;
  }

  #path(name: string): string {
    return join(this.#folder, `${encodeURIComponent(name)}.json`);
  }
}
