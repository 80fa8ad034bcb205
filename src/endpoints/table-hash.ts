import { hash as digestOf } from "node:crypto";
import type { Endpoint } from "./model.ts";
import { rowText } from "./row-text.ts";
import type { RowDifference } from "./store.ts";

/** The hash of a table without rows. */
export const EMPTY_TABLE_HASH = "0".repeat(32);

/**
 * The hash of a table: the sum of its rows' hashes modulo 2^128. A sum does not depend on the order of the rows, and a
 * change costs as many row hashes as it touches rows, at one row as at a million. It tells whether two gateways serve
 * the same table; what shows tampering is the chain of the history.
 */
export class TableHash {
  #sum: bigint;

  constructor(hex: string = EMPTY_TABLE_HASH) {
    this.#sum = BigInt(`0x${hex}`);
  }

  add(row: Endpoint): void {
    this.addText(rowText(row));
  }

  /** Adds the row of this short text (row-text.ts). */
  addText(text: string): void {
    this.#sum = BigInt.asUintN(128, this.#sum + textHash(text));
  }

  remove(row: Endpoint): void {
    this.#sum = BigInt.asUintN(128, this.#sum - textHash(rowText(row)));
  }

  apply(differences: readonly RowDifference[]): this {
    for (const { before, after } of differences) {
      if (before !== undefined) {
        this.remove(before);
      }
      if (after !== undefined) {
        this.add(after);
      }
    }
    return this;
  }

  /** 32 hex digits. */
  toString(): string {
    return this.#sum.toString(16).padStart(32, "0");
  }
}

/** The hash of these rows, in any order. */
export function hashOf(rows: Iterable<Endpoint>): string {
  const hash = new TableHash();
  for (const row of rows) {
    hash.add(row);
  }
  return hash.toString();
}

/** Half of the SHA-256 of a row's text. */
function textHash(text: string): bigint {
  return BigInt(`0x${digestOf("sha256", text).slice(0, 32)}`);
}
