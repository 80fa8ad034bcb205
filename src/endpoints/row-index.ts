import { keyOf } from "./address-key.ts";
import type { Endpoint } from "./model.ts";
import type { RowDifference } from "./store.ts";
import { stepsOf } from "./table.ts";

/** The rows of a table by key; made once for a table, and kept from one change to the next. */
export class RowIndex {
  #of: readonly Endpoint[] | undefined;
  #rows = new Map<string, Endpoint>();

  /** The index of these rows. It is good until the next call of `follow`. */
  of(endpoints: readonly Endpoint[]): ReadonlyMap<string, Endpoint> {
    if (this.#of !== endpoints) {
      this.#of = endpoints;
      this.#rows = new Map(endpoints.map((row) => [keyOf(row), row]));
    }
    return this.#rows;
  }

  /** Makes the index of `before` the one of `after`. @param differences what leads from one to the other */
  follow(before: readonly Endpoint[], after: readonly Endpoint[], differences: readonly RowDifference[]): void {
    this.of(before);
    const { rows, keys } = stepsOf(differences);
    for (const key of keys) {
      this.#rows.delete(key);
    }
    for (const row of rows) {
      this.#rows.set(keyOf(row), row);
    }
    this.#of = after;
  }
}
