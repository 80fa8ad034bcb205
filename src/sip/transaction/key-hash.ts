import { hashBranchKey } from "../../grammar/grammar.ts";
import type { SipMessage } from "../message.ts";
import { serverKey } from "./key.ts";

/** What tells the hash of a key: a signed number of 32 bits, of which the last are as good as any others. */
export interface Hashes {
  of(key: string): number;
}

/** Hashes of the keys of server transactions. A request is looked for under its key in more than one place. */
export class KeyHash implements Hashes {
  private readonly seed: number;
  private lastKey = "";
  private lastHash = 0;
  private lastRequest: SipMessage | undefined;
  private lastRequestHash = 0;

  /** @param seed so that nobody foresees which keys share a place */
  constructor(seed: number) {
    this.seed = seed;
  }

  of(key: string): number {
    if (key === this.lastKey) return this.lastHash;
    this.lastKey = key;
    this.lastHash = hashFrom(key, 0, this.seed);
    return this.lastHash;
  }

  /** That of a request's `serverKey`, mostly without making the key. */
  ofRequest(request: SipMessage): number {
    if (request === this.lastRequest) return this.lastRequestHash;
    this.lastRequest = request;
    this.lastRequestHash = request.hasUniqueBranch
      ? hashBranchKey(request.current(), this.seed)
      : this.of(serverKey(request));
    return this.lastRequestHash;
  }
}

/** So many characters at the end hold what tells branches of ours apart: the counter, the mark of the process, and ` CANCEL`. */
const TELLING = 16;

/** Hashes of the keys of client transactions. Each is a branch of ours, so nobody else chooses it, and it ends with a counter. */
export class BranchHash implements Hashes {
  private readonly seed: number;

  /** @param seed as that of `KeyHash` */
  constructor(seed: number) {
    this.seed = seed;
  }

  of(key: string): number {
    return hashFrom(key, Math.max(0, key.length - TELLING), this.seed);
  }
}

function hashFrom(key: string, start: number, seed: number): number {
  let hash = seed;
  for (let i = start; i < key.length; i++) hash = Math.imul(hash ^ key.charCodeAt(i), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  return hash ^ (hash >>> 13);
}
