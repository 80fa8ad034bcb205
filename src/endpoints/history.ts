import { createHash } from "node:crypto";
import { WaypostError } from "../errors.ts";
import { parseSipAddress } from "./address.ts";
import { keyOf } from "./address-key.ts";
import type { Endpoint } from "./model.ts";
import { changedSettings, type EndpointSettings, SETTING_NAMES } from "./row-schema.ts";
import {
  type Actor,
  type EndpointDraft,
  type HistoryEntry,
  type HistoryOptions,
  MAX_ROWS_PER_CHANGE,
  type RowChange,
  type RowDifference,
} from "./store.ts";
import { EMPTY_TABLE_HASH } from "./table-hash.ts";

/** What the first entry of a history continues: nothing, or entries that were dropped at the bound. */
export interface Anchor {
  readonly revision: number;
  readonly hash: string;
  /** Of the table that the first entry changed. */
  readonly tableHash: string;
}

/** In front of the very first change. */
export const GENESIS: Anchor = { revision: 0, hash: "0".repeat(64), tableHash: EMPTY_TABLE_HASH };

/** What a change tells the history; the rest of its entry is worked out from it. */
export interface Happening {
  readonly revision: number;
  readonly at: string;
  readonly actor: Actor;
  readonly undoes?: number | undefined;
  readonly differences: readonly RowDifference[];
  readonly tableHash: string;
}

/**
 * The next entry of a chain.
 * @param isKept false when it is not known what the rows were before, so that the differences are not to be kept
 */
export function nextEntry(previousHash: string, happening: Happening, isKept = true): HistoryEntry {
  const { revision, at, actor, undoes, differences, tableHash } = happening;
  const tooLarge = !isKept || differences.length > MAX_ROWS_PER_CHANGE;
  const unsealed = {
    revision,
    at,
    actor,
    ...(undoes === undefined ? undefined : { undoes }),
    differences: tooLarge ? [] : differences,
    ...(tooLarge ? { omitted: differences.length } : undefined),
    tableHash,
    previousHash,
  };
  return { ...unsealed, hash: entryHash(unsealed) };
}

/** SHA-256 over all of an entry but its own hash; the order of names in its JSON does not count for the entry itself. */
export function entryHash(entry: Omit<HistoryEntry, "hash">): string {
  const { revision, at, actor, undoes, differences, omitted, tableHash, previousHash } = entry;
  const rows = differences.map(({ before, after }) => [before ?? null, after ?? null]);
  const { name, source, reason } = actor;
  const sealed = [
    revision,
    at,
    [name, source, reason ?? null],
    undoes ?? null,
    rows,
    omitted ?? null,
    tableHash,
    previousHash,
  ];
  return createHash("sha256").update(JSON.stringify(sealed)).digest("hex");
}

/**
 * What is wrong with a chain, one sentence for each break.
 * @param entries the oldest first
 * @param tableHash of the table as it is now
 */
export function chainFaults(anchor: Anchor, entries: readonly HistoryEntry[], tableHash: string): string[] {
  const faults: string[] = [];
  let previous: Anchor = anchor;
  for (const entry of entries) {
    if (entry.previousHash !== previous.hash) {
      faults.push(
        `revision ${entry.revision} does not continue revision ${previous.revision}: entries between them are missing or were changed`,
      );
    }
    if (entryHash(entry) !== entry.hash) {
      faults.push(`the entry of revision ${entry.revision} was changed after it was written`);
    }
    previous = entry;
  }
  if (previous.tableHash !== tableHash) {
    faults.push(`the table is not the one that revision ${previous.revision} left: it was changed past the history`);
  }
  return faults;
}

/** The entries that are asked for, the newest first. @param entries the oldest first @throws ADDRESS_INVALID */
export function selectEntries(entries: readonly HistoryEntry[], options: HistoryOptions): HistoryEntry[] {
  const { upTo = Number.POSITIVE_INFINITY, limit = Number.POSITIVE_INFINITY } = options;
  const key = options.address === undefined ? undefined : parseSipAddress(options.address).key;
  const selected: HistoryEntry[] = [];
  for (let i = entries.length - 1; i >= 0 && selected.length < limit; i--) {
    const entry = entries[i]!;
    if (entry.revision <= upTo && (key === undefined || touches(entry, key))) {
      selected.push(entry);
    }
  }
  return selected;
}

function touches(entry: HistoryEntry, key: string): boolean {
  return entry.differences.some(
    ({ before, after }) => (before && keyOf(before) === key) || (after && keyOf(after) === key),
  );
}

/**
 * What turns the table of one revision into that of another, in either direction.
 * @param entries the oldest first
 * @throws REVISION_UNKNOWN
 */
export function differencesOverTime(
  anchor: Anchor,
  entries: readonly HistoryEntry[],
  from: number,
  to: number,
): RowDifference[] {
  const newest = entries.at(-1)?.revision ?? anchor.revision;
  for (const revision of [from, to]) {
    if (revision < anchor.revision || revision > newest) {
      throw unknownRevision(revision, anchor, newest);
    }
  }
  const [older, newer] = from <= to ? [from, to] : [to, from];
  const chain = new Chain();
  for (const entry of entries) {
    if (entry.revision > older && entry.revision <= newer) {
      if (entry.omitted !== undefined) {
        throw new WaypostError("REVISION_UNKNOWN", `revision ${entry.revision} ${notKept(entry.omitted)}`);
      }
      chain.add(entry.differences);
    }
  }
  const differences = chain.differences();
  return from <= to ? differences : differences.map(inverse);
}

interface Course {
  readonly first: Endpoint | undefined;
  last: Endpoint | undefined;
}

/** Follows rows through a series of changes, also when they change their addresses. */
class Chain {
  readonly #courses = new Set<Course>();
  readonly #byKey = new Map<string, Course>();

  /** Adds the differences of one change. They happened at once: every row is looked up before any is put. */
  add(differences: readonly RowDifference[]): void {
    const courses = differences.map(({ before, after }) => this.#take((before ?? after)!, before));
    differences.forEach(({ before, after }, index) => {
      const course = courses[index]!;
      course.last = after;
      // A row that comes back at the address where one was removed continues that one.
      this.#byKey.set(keyOf((after ?? before)!), course);
    });
  }

  #take(row: Endpoint, before: Endpoint | undefined): Course {
    const key = keyOf(row);
    let course = this.#byKey.get(key);
    if (course === undefined || (before === undefined) !== (course.last === undefined)) {
      course = { first: before, last: undefined };
      this.#courses.add(course);
    }
    this.#byKey.delete(key);
    return course;
  }

  differences(): RowDifference[] {
    return [...this.#courses].flatMap(({ first, last }) => {
      const same = first === undefined ? last === undefined : last && changedSettings(first, last).length === 0;
      return same ? [] : [{ ...(first && { before: first }), ...(last && { after: last }) }];
    });
  }
}

function inverse({ before, after }: RowDifference): RowDifference {
  return { ...(after && { before: after }), ...(before && { after: before }) };
}

/** The entry of a revision. @throws REVISION_UNKNOWN */
export function entryOf(anchor: Anchor, entries: readonly HistoryEntry[], revision: number): HistoryEntry {
  const entry = entries.find((each) => each.revision === revision);
  if (entry === undefined) {
    throw unknownRevision(revision, anchor, entries.at(-1)?.revision ?? anchor.revision);
  }
  return entry;
}

/**
 * The changes that take back what an entry did.
 * @param find the row at a key as it is now
 * @throws UNDO_REFUSED with what differs, when a row is not as the entry left it
 */
export function undoChanges(entry: HistoryEntry, find: (key: string) => Endpoint | undefined): RowChange[] {
  if (entry.omitted !== undefined) {
    throw new WaypostError("UNDO_REFUSED", `revision ${entry.revision} ${notKept(entry.omitted)}`);
  }
  const obstacles = entry.differences.flatMap((difference) => obstacle(difference, entry, find) ?? []);
  if (obstacles.length > 0) {
    const more = obstacles.length > 5 ? `; and ${obstacles.length - 5} more` : "";
    const list = obstacles.slice(0, 5).join("; ");
    throw new WaypostError("UNDO_REFUSED", `revision ${entry.revision} cannot be undone: ${list}${more}`);
  }
  const backwards = entry.differences.map(inverse);
  // Removals first, so that an address is free before the row that had it comes back.
  backwards.sort((a, b) => rank(a) - rank(b));
  return backwards.map(({ before: now, after: then }): RowChange => {
    if (now === undefined) {
      const settings = Object.entries(settingsOf(then!)).filter(([, value]) => value !== undefined);
      return { kind: "add", endpoint: Object.fromEntries(settings) as unknown as EndpointDraft };
    }
    return then === undefined
      ? { kind: "remove", sipAddress: now.sipAddress }
      : { kind: "set", sipAddress: now.sipAddress, fields: settingsOf(then) };
  });
}

function rank({ before, after }: RowDifference): number {
  return after === undefined ? 0 : before === undefined ? 2 : 1;
}

/** All settings, those that are absent as `undefined`. */
function settingsOf(row: Endpoint): Partial<EndpointSettings> {
  return Object.fromEntries(SETTING_NAMES.map((name) => [name, row[name]]));
}

/** Why a row is not as the entry left it; undefined when it is. */
function obstacle(
  { before, after }: RowDifference,
  entry: HistoryEntry,
  find: (key: string) => Endpoint | undefined,
): string | undefined {
  const address = (after ?? before)!.sipAddress;
  const now = find(keyOf((after ?? before)!));
  if (after === undefined) {
    return now && `there is an endpoint ${address} again, made by ${now.createdBy} at ${now.createdAt}`;
  }
  if (now === undefined) {
    return `endpoint ${address} was removed since`;
  }
  const changed = changedSettings(now, after);
  if (changed.length === 0) {
    return undefined;
  }
  const what = changed.map((name) => `${name} is ${shown(now[name])}, not ${shown(after[name])}`).join(", ");
  return `endpoint ${address} was changed since revision ${entry.revision} by ${now.updatedBy} at ${now.updatedAt}: ${what}`;
}

function shown(value: unknown): string {
  return value === undefined ? "(none)" : String(value);
}

function notKept(rows: number): string {
  return `touched ${rows} endpoints, which the history did not keep row by row`;
}

function unknownRevision(revision: number, anchor: Anchor, newest: number): WaypostError {
  return new WaypostError(
    "REVISION_UNKNOWN",
    `the history does not know revision ${revision}; it goes from ${anchor.revision} to ${newest}`,
  );
}
