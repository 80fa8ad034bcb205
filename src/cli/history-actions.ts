import type { HistoryEntry, HistoryOptions } from "../endpoints/store.ts";
import { actor } from "./actor.ts";
import { type ChangeOptions, commit, isDryRun } from "./commit.ts";
import { toldDifference } from "./differences.ts";
import { jsonLine } from "./format.ts";
import { withScheme } from "./identity.ts";
import { type Session, withTable } from "./session.ts";
import { tellChange } from "./told.ts";

/** `waypost history`: the changes of the table, or of one address, the newest first. */
export async function showHistory(
  session: Session,
  address: string | undefined,
  options: { limit: number; json?: true },
): Promise<void> {
  const { io } = session;
  const query: HistoryOptions = {
    limit: options.limit + 1,
    ...(address === undefined ? {} : { address: withScheme(address) }),
  };
  const found = await withTable(session, ({ store }) => store.history(query));
  const entries = found.slice(0, options.limit);
  io.out(entries.map((entry) => (options.json ? jsonLine(entry) : told(entry))).join(options.json ? "" : "\n"));
  if (found.length === 0) io.err(`No change${address === undefined ? "" : ` of ${address}`} is on record.\n`);
  else if (found.length > entries.length) io.err(`There are older changes; --limit shows more.\n`);
}

/** `waypost history --verify`. @returns the exit status: 1 when the history is not as it was written */
export async function verifyHistory({ io, ...session }: Session, options: { json?: true }): Promise<number> {
  const check = await withTable({ io, ...session }, ({ store }) => store.verifyHistory());
  const { entries, oldest, newest, faults } = check;
  if (options.json) io.out(jsonLine(check));
  else if (faults.length > 0) io.err(faults.map((fault) => `${fault}\n`).join(""));
  else if (entries === 0) io.out("There is no history yet.\n");
  else io.out(`The history is unbroken: ${entries} changes, revisions ${oldest} to ${newest}.\n`);
  return faults.length === 0 ? 0 : 1;
}

/** `waypost diff`: what turns one revision of the table into another. */
export async function showDifference(session: Session, from: number, to: number, options: { json?: true }) {
  const differences = await withTable(session, ({ store }) => store.diff(from, to));
  for (const difference of differences) {
    session.io.out(options.json ? jsonLine(difference) : toldDifference(difference, "done"));
  }
  if (differences.length === 0) session.io.err(`Revisions ${from} and ${to} are the same.\n`);
}

/** `waypost undo`: takes back what one revision did. */
export async function undo(session: Session, revision: number, options: ChangeOptions): Promise<void> {
  await withTable(session, async (opened) => {
    const who = actor(session.env, options.reason);
    const result = await commit(opened, session.io, options, (dryRun) => opened.store.undo(revision, who, { dryRun }));
    if (!options.json && !isDryRun(options)) session.io.err(`Revision ${revision} is taken back.\n`);
    await tellChange(session, opened, result, options);
  });
}

function told(entry: HistoryEntry): string {
  const { revision, at, actor: who, undoes, differences, omitted } = entry;
  const undone = undoes === undefined ? "" : `, takes back revision ${undoes}`;
  const reason = who.reason === undefined ? "" : `: ${who.reason}`;
  const head = `revision ${revision}  ${at}  ${who.name} (${who.source})${reason}${undone}\n`;
  const rows = differences.map((difference) => toldDifference(difference, "done").replace(/^(?=.)/gm, "  "));
  return head + (omitted === undefined ? rows.join("") : `  ${omitted} endpoints changed, not kept row by row\n`);
}
