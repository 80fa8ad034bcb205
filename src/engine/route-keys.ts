import { randomBytes } from "node:crypto";
import { existsSync, linkSync, readFileSync, unlinkSync, writeFileSync } from "node:fs";
import type { Logger } from "pino";
import { WaypostError } from "../errors.ts";

/** A key of HalfSipHash: two 32-bit numbers. */
export type RouteKey = readonly [number, number];

const HEADER =
  "# Keys for the tokens in our Record-Route headers, 16 hex digits each. The first signs, all verify.\n" +
  "# Gateways that stand in for each other share this file. To change the key, put a new one on top and keep the\n" +
  "# old one as long as dialogs made with it may live.\n";

/**
 * Reads the key file, or makes one with a random key when there is none, so that dialogs outlive a restart. Where it
 * can be neither read nor made, a key of this process alone is used, and a warning says what that means.
 * @throws WaypostError CONFIG_INVALID naming the line that is no key
 */
export function loadRouteKeys(path: string, log: Logger): readonly RouteKey[] {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    const fresh = randomBytes(8);
    if ((error as NodeJS.ErrnoException).code === "ENOENT" && makeKeyFile(path, fresh)) return loadRouteKeys(path, log);
    log.warn(
      { path, reason: (error as Error).message },
      "no route keys: dialogs that are set up now end with this process",
    );
    return [parseKey(fresh)];
  }
  const keys: RouteKey[] = [];
  text.split("\n").forEach((line, index) => {
    const key = line.trim();
    if (key === "" || key.startsWith("#")) return;
    if (!/^[0-9a-f]{16}$/i.test(key)) {
      throw new WaypostError(
        "CONFIG_INVALID",
        `${path}:${index + 1}: a route key is 16 hex digits, such as openssl rand -hex 8 prints`,
      );
    }
    keys.push(parseKey(Buffer.from(key, "hex")));
  });
  if (keys.length === 0) throw new WaypostError("CONFIG_INVALID", `${path}: there is no key in it`);
  return keys;
}

function parseKey(bytes: Buffer): RouteKey {
  return [bytes.readUInt32LE(0), bytes.readUInt32LE(4)];
}

/** Puts a whole file in place, or leaves the one that another process was quicker with. False where none can be made. */
function makeKeyFile(path: string, key: Buffer): boolean {
  const draft = `${path}.${process.pid}`;
  try {
    writeFileSync(draft, `${HEADER}${key.toString("hex")}\n`, { mode: 0o600 });
  } catch {
    return false;
  }
  try {
    linkSync(draft, path);
    return true;
  } catch {
    return existsSync(path);
  } finally {
    unlinkSync(draft);
  }
}
