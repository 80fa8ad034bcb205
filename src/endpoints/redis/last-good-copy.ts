import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { open, stat, utimes } from "node:fs/promises";
import { createInterface } from "node:readline";
import { z } from "zod";
import { keyOf } from "../address-key.ts";
import { atomicWriteUnlocked } from "../atomic-write.ts";
import type { Endpoint } from "../model.ts";
import { hashOf } from "../table-hash.ts";
import type { Mark } from "./mirror.ts";

/** A copy that was read and found whole. */
export interface LastGood {
  readonly mark: Mark;
  readonly rows: Map<string, Endpoint>;
  /** When the copy was last known to be the table of Redis; ISO 8601, UTC. */
  readonly currentAt: string;
}

const headSchema = z.object({
  lineage: z.string(),
  revision: z.int().min(0),
  hash: z.string(),
  chain: z.string(),
  count: z.int().min(0),
});

/**
 * The last good table of Redis on this machine's disk: a line about the table, a line of JSON for each row, and a line
 * with the SHA-256 of what stands above. Its modification time tells when it was last known to be current.
 */
export class LastGoodCopy {
  readonly path: string;

  constructor(path: string) {
    this.path = path;
  }

  /** The copy; undefined when there is none. @throws Error that says what is wrong with it, the path included */
  async read(): Promise<LastGood | undefined> {
    try {
      const found = await stat(this.path).catch(undefinedIfMissing);
      return found && { ...(await this.#readWhole()), currentAt: found.mtime.toISOString() };
    } catch (error) {
      throw this.#unusable(error as Error);
    }
  }

  async #readWhole(): Promise<Omit<LastGood, "currentAt">> {
    const hash = createHash("sha256");
    const rows = new Map<string, Endpoint>();
    let head: z.output<typeof headSchema> | undefined;
    let checksum: string | undefined;
    for await (const line of createInterface({
      input: createReadStream(this.path),
      crlfDelay: Number.POSITIVE_INFINITY,
    })) {
      if (line.startsWith('{"sha256":')) {
        checksum = (JSON.parse(line) as { sha256: string }).sha256;
        break;
      }
      hash.update(`${line}\n`);
      if (head === undefined) {
        head = headSchema.parse(JSON.parse(line));
      } else {
        const row = JSON.parse(line) as Endpoint;
        rows.set(keyOf(row), row);
      }
    }
    if (head === undefined || checksum !== hash.digest("hex") || rows.size !== head.count) {
      throw new Error("its checksum is not that of its content");
    }
    const { count: _count, ...mark } = head;
    if (hashOf(rows.values()) !== mark.hash) {
      throw new Error("its rows are not those of its table");
    }
    return { mark, rows };
  }

  /** Which table the copy is of, without reading its rows; undefined when there is none. @throws what `read` throws */
  async readMark(): Promise<(Mark & { readonly count: number }) | undefined> {
    try {
      const handle = await open(this.path, "r").catch(undefinedIfMissing);
      if (handle === undefined) {
        return undefined;
      }
      try {
        const { buffer, bytesRead } = await handle.read(Buffer.alloc(1024), 0, 1024, 0);
        return headSchema.parse(JSON.parse(buffer.subarray(0, bytesRead).toString("utf8").split("\n", 1)[0]!));
      } finally {
        await handle.close();
      }
    } catch (error) {
      throw this.#unusable(error as Error);
    }
  }

  /** Replaces the copy; several processes of a gateway may do so at once. @throws the system's error; the old copy is then untouched */
  async write(mark: Mark, rows: Iterable<Endpoint>, count: number): Promise<void> {
    await atomicWriteUnlocked(this.path, copyText(mark, rows, count));
  }

  /** Notes that the copy still is the table of Redis. */
  async touch(at: Date): Promise<void> {
    await utimes(this.path, at, at).catch(() => undefined);
  }

  #unusable(error: Error): Error {
    const { code } = error as NodeJS.ErrnoException;
    const isOurs = !(error instanceof SyntaxError) && !(error instanceof z.ZodError);
    const what = isOurs ? error.message : "it is cut off, or was changed by hand";
    return new Error(`${this.path} ${code === undefined ? "is damaged" : "cannot be read"}: ${what}`, { cause: error });
  }
}

const PIECE = 256 * 1024;

function* copyText({ lineage, revision, hash, chain }: Mark, rows: Iterable<Endpoint>, count: number) {
  const digest = createHash("sha256");
  let piece = `${JSON.stringify({ lineage, revision, hash, chain, count })}\n`;
  for (const row of rows) {
    piece += `${JSON.stringify(row)}\n`;
    if (piece.length > PIECE) {
      digest.update(piece);
      yield piece;
      piece = "";
    }
  }
  digest.update(piece);
  yield `${piece}${JSON.stringify({ sha256: digest.digest("hex") })}\n`;
}

function undefinedIfMissing(error: NodeJS.ErrnoException): undefined {
  if (error.code !== "ENOENT") {
    throw error;
  }
}
