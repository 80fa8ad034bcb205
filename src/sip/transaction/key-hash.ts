import { hashBranchKey } from "../../grammar/grammar.ts";
import type { SipMessage } from "../message.ts";
import { hasMagicCookie } from "../via.ts";
import { serverKey } from "./key.ts";

/** Hashes of the keys of transactions. A request is looked for under its key in more than one place. */
export class KeyHash {
  private readonly seed: number;
  private lastKey = "";
  private lastHash = 0;

  /** @param seed so that nobody foresees which keys share a place */
  constructor(seed: number) {
    this.seed = seed;
  }

  /** 32 bits, of which the last are as good as any others. */
  of(key: string): number {
    if (key === this.lastKey) return this.lastHash;
    let hash = this.seed;
    for (let i = 0; i < key.length; i++) hash = Math.imul(hash ^ key.charCodeAt(i), 0x01000193);
    hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
    this.lastKey = key;
    this.lastHash = hash ^ (hash >>> 13);
    return this.lastHash;
  }

  /** That of a request's `serverKey`, mostly without making the key. */
  ofRequest(request: SipMessage): number {
    return hasMagicCookie(request.topVia!) ? hashBranchKey(request.current(), this.seed) : this.of(serverKey(request));
  }
}
