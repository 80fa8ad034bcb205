import { WaypostError } from "../errors.ts";
import { parseSipAddress } from "./address.ts";
import { addressKey, keyOf } from "./address-key.ts";
import type { Endpoint } from "./model.ts";
import { changedSettings, checkDraft, type EndpointSettings, type IsSelf, makeRow } from "./row-schema.ts";
import { type Actor, type EndpointDraft, MAX_ROWS_PER_CHANGE, type RowChange, type RowDifference } from "./store.ts";

/** Why the engine of this gateway cannot carry out a row: a sentence without its beginning; undefined when it can. */
export type WhyUnable = (row: EndpointSettings) => string | undefined;

/** What every store needs to work out a change. */
export interface ChangeContext {
  /** The row with this key as it is stored now. */
  readonly find: (key: string) => Endpoint | undefined;
  readonly isSelf: IsSelf;
  /** Tells why the engine here cannot carry out a row; absent = it always can. */
  readonly whyUnable?: WhyUnable | undefined;
  readonly actor: Actor;
  /** ISO 8601, UTC. */
  readonly at: string;
}

/**
 * Works out what a list of wished-for changes does to the table: one difference for each row that really changes.
 * Later changes see the effect of earlier ones. Pure; each store commits the result in its own way.
 * @throws WaypostError for the first change that cannot be made; with several changes its message tells which one
 */
export function planChange(changes: readonly RowChange[], context: ChangeContext): RowDifference[] {
  refuseTooLarge(changes);
  const plan = new Plan(context);
  changes.forEach((change, index) => {
    try {
      plan.add(change);
    } catch (error) {
      if (changes.length > 1 && error instanceof WaypostError) {
        throw new WaypostError(error.code, `change ${index + 1} of ${changes.length}: ${error.message}`, {
          cause: error,
        });
      }
      throw error;
    }
  });
  return plan.differences();
}

/** @throws WaypostError CHANGE_TOO_LARGE */
export function refuseTooLarge(changes: readonly RowChange[]): void {
  if (changes.length > MAX_ROWS_PER_CHANGE) {
    const most = `at most ${MAX_ROWS_PER_CHANGE} are possible at once`;
    throw new WaypostError("CHANGE_TOO_LARGE", `the change touches ${changes.length} endpoints; ${most}`);
  }
}

class Plan {
  readonly #context: ChangeContext;
  /** Rows touched so far, by the key they have now. */
  readonly #now = new Map<string, Endpoint | undefined>();
  /** For each row of the result, the stored row it came from. */
  readonly #origin = new Map<Endpoint, Endpoint | undefined>();
  readonly #removed = new Set<Endpoint>();

  constructor(context: ChangeContext) {
    this.#context = context;
  }

  add(change: RowChange): void {
    switch (change.kind) {
      case "add":
        this.#addRow(change.endpoint);
        break;
      case "set":
        this.#setRow(change.sipAddress, change.fields, change.expectedVersion);
        break;
      case "remove":
        this.#removeRow(change.sipAddress, change.expectedVersion);
        break;
    }
  }

  differences(): RowDifference[] {
    const result: RowDifference[] = [];
    for (const before of this.#removed) {
      result.push({ before });
    }
    for (const after of this.#now.values()) {
      if (after !== undefined) {
        const before = this.#origin.get(after);
        result.push(before === undefined ? { after } : { before, after });
      }
    }
    return result;
  }

  #find(key: string): Endpoint | undefined {
    return this.#now.has(key) ? this.#now.get(key) : this.#context.find(key);
  }

  #addRow(draft: EndpointDraft): void {
    const settings = this.#check(draft);
    this.#refuseTaken(settings);
    const { at, actor } = this.#context;
    const row = makeRow(settings, {
      version: 1,
      createdAt: at,
      createdBy: actor.name,
      updatedAt: at,
      updatedBy: actor.name,
    });
    this.#now.set(keyOf(row), row);
    this.#origin.set(row, undefined);
  }

  #setRow(sipAddress: string, fields: Partial<Record<keyof EndpointDraft, unknown>>, expectedVersion?: number): void {
    const before = this.#existing(sipAddress);
    const { version, createdAt, createdBy, updatedAt: _at, updatedBy: _by, ...present } = before;
    const wished: Record<string, unknown> = { ...present, ...fields };
    for (const name of Object.keys(wished)) {
      if (wished[name] === undefined) {
        delete wished[name];
      }
    }
    const settings = this.#check(wished as unknown as EndpointDraft);
    const changed = changedSettings(before, settings);
    if (expectedVersion !== undefined && version !== expectedVersion) {
      throw changedMeanwhile(before, expectedVersion, describeSettings(before, settings, changed));
    }
    if (changed.length === 0) {
      return;
    }
    const key = keyOf(before);
    if (keyOf(settings) !== key) {
      this.#refuseTaken(settings);
    }
    const { at, actor } = this.#context;
    const row = makeRow(settings, { version: version + 1, createdAt, createdBy, updatedAt: at, updatedBy: actor.name });
    this.#replace(key, before, row);
  }

  #check(draft: EndpointDraft): EndpointSettings {
    const settings = checkDraft(draft, this.#context.isSelf);
    const why = this.#context.whyUnable?.(settings);
    if (why === undefined) return settings;
    throw new WaypostError("ENGINE_UNABLE", `endpoint ${settings.sipAddress} cannot be served here: ${why}`);
  }

  #removeRow(sipAddress: string, expectedVersion?: number): void {
    const before = this.#existing(sipAddress);
    if (expectedVersion !== undefined && before.version !== expectedVersion) {
      throw changedMeanwhile(before, expectedVersion, "you wanted to remove it");
    }
    const origin = this.#originOf(before);
    this.#now.set(keyOf(before), undefined);
    if (origin !== undefined) {
      this.#removed.add(origin);
    }
  }

  #replace(key: string, before: Endpoint, after: Endpoint): void {
    this.#origin.set(after, this.#originOf(before));
    this.#now.set(key, undefined);
    this.#now.set(keyOf(after), after);
  }

  /** The stored row that a row of this plan came from; a row that the plan has not touched is its own origin. */
  #originOf(row: Endpoint): Endpoint | undefined {
    return this.#origin.has(row) ? this.#origin.get(row) : row;
  }

  #existing(sipAddress: string): Endpoint {
    const { key, uri } = parseSipAddress(sipAddress);
    const row = this.#find(key);
    if (row === undefined) {
      throw new WaypostError("ENDPOINT_UNKNOWN", `there is no endpoint ${uri}`);
    }
    return row;
  }

  #refuseTaken(settings: EndpointSettings): void {
    const taken = this.#find(keyOf(settings));
    if (taken !== undefined) {
      throw new WaypostError(
        "ADDRESS_TAKEN",
        `there is an endpoint ${taken.sipAddress} already; it leads to ${taken.poolFqdn}`,
      );
    }
  }
}

/** The difference of a row in words, setting by setting: `poolFqdn: old.contoso.com -> new.contoso.com`. */
export function describeDifference({ before, after }: RowDifference): string {
  if (before === undefined || after === undefined) {
    const row = before ?? after;
    return row === undefined
      ? ""
      : `${row.sipAddress} -> ${row.poolFqdn} ${before === undefined ? "added" : "removed"}`;
  }
  return changedSettings(before, after)
    .map((name) => `${name}: ${before[name] ?? "(none)"} -> ${after[name] ?? "(none)"}`)
    .join(", ");
}

function describeSettings(now: Endpoint, wished: EndpointSettings, names: readonly (keyof EndpointSettings)[]): string {
  if (names.length === 0) {
    return "it has the wished-for settings already";
  }
  return names.map((name) => `${name} is ${now[name] ?? "(none)"}, you wanted ${wished[name] ?? "(none)"}`).join(", ");
}

function changedMeanwhile(now: Endpoint, expected: number, difference: string): WaypostError {
  return new WaypostError(
    "CHANGED_MEANWHILE",
    `endpoint ${now.sipAddress} was changed by ${now.updatedBy} at ${now.updatedAt} and has version ${now.version}, not ${expected}: ${difference}`,
  );
}

/** The comparison keys of the addresses that a change looks at. */
export function keysOfChange(change: RowChange): string[] {
  const addresses =
    change.kind === "add"
      ? [change.endpoint.sipAddress]
      : [change.sipAddress, change.kind === "set" && change.fields.sipAddress];
  return addresses.flatMap((address) => {
    const text = address ? address.trim() : "";
    return addressKey(/^sips?:/i.test(text) ? text : `sip:${text}`) ?? [];
  });
}
