import { readFile } from "node:fs/promises";
import { selfTest } from "../config/self.ts";
import { type ImportPlan, planImport } from "../endpoints/bulk/plan-import.ts";
import { readBulk } from "../endpoints/bulk/read.ts";
import { type BulkFormat, formatOfName } from "../endpoints/bulk/source.ts";
import { writeBulk } from "../endpoints/bulk/write.ts";
import { WaypostError } from "../errors.ts";
import { actor } from "./actor.ts";
import { type ChangeOptions, commit, isDryRun } from "./commit.ts";
import { type Session, withTable } from "./session.ts";
import { tellChange } from "./told.ts";

/** `waypost import FILE|-`: the table becomes what the file says, all of it or nothing. */
export async function importFile(
  session: Session,
  file: string,
  options: ChangeOptions & { format?: BulkFormat; replace?: true },
): Promise<void> {
  const { io } = session;
  const bytes = await contentOf(file, io.piped);
  const name = file === "-" ? "<stdin>" : file;
  const source = await readBulk(bytes, name, options.format);
  await withTable(session, async (opened) => {
    const { config, store } = opened;
    const { endpoints } = await store.load();
    const isSelf = selfTest(config.listen, config.resolve);
    const plan = planImport(source, endpoints, { file: name, replace: options.replace === true, isSelf });
    const { unknownColumns, changes } = plan;
    if (unknownColumns.length > 0) io.err(`Passed over, since they mean nothing here: ${unknownColumns.join(", ")}\n`);
    const removed = changes.filter(({ kind }) => kind === "remove").length;
    if (removed > 0 && removed === endpoints.length && options.force !== true) {
      const message = `${name} has none of the ${removed} endpoints of the table; --replace would remove them all`;
      throw new WaypostError("USAGE", `${message}. If that is meant: --force with --reason.`);
    }
    const who = { ...actor(session.env, options.reason), source: "import" } as const;
    const result = await commit(opened, io, options, (dryRun) => store.change(changes, who, { dryRun }));
    await tellChange(session, opened, result, options, sumOf(plan, name, isDryRun(options)));
  });
}

/** `waypost export [FILE]`: the settings of all endpoints, to a file or to standard output. */
export async function exportTable(session: Session, file: string | undefined, options: { format?: BulkFormat }) {
  const { io } = session;
  const { endpoints } = await withTable(session, ({ store }) => store.load());
  const format = options.format ?? formatOfName(file ?? "") ?? "csv";
  let text = "";
  for await (const piece of writeBulk(endpoints, format)) text += piece;
  if (file === undefined || file === "-") {
    io.out(text);
    return;
  }
  const { atomicWriteUnlocked } = await import("../endpoints/atomic-write.ts");
  try {
    await atomicWriteUnlocked(file, [text]);
  } catch (error) {
    const { fileError } = await import("../endpoints/file-error.ts");
    throw fileError("write", file, error);
  }
  io.err(`${endpoints.length} endpoints written to ${file}\n`);
}

function sumOf({ changes, rows, unchanged }: ImportPlan, name: string, dryRun: boolean): string {
  const count = (kind: "add" | "set" | "remove") => changes.filter((change) => change.kind === kind).length;
  const parts = `${count("add")} ${dryRun ? "would be" : "were"} added, ${count("set")} changed, ${count("remove")} removed`;
  return `${name}: ${rows} endpoints read; ${parts}; ${unchanged} are so already\n`;
}

async function contentOf(file: string, piped: Session["io"]["piped"]): Promise<Uint8Array> {
  if (file === "-") {
    const reading = piped();
    if (reading === undefined) throw new WaypostError("USAGE", "Nothing comes in on standard input.");
    return reading;
  }
  try {
    return await readFile(file);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const why = code === "ENOENT" ? "there is no such file" : message;
    throw new WaypostError("IMPORT_INVALID", `cannot read ${file}: ${why}`, { cause: error });
  }
}
