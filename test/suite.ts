import { readdirSync } from "node:fs";
import { availableParallelism } from "node:os";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import t from "tap";

/**
 * Every test file, or those of the folders that the command line names, each in a process of its own. tap's command would start each of them, and each `waypost` that they
 * start, with a module loader that records what is covered: three seconds in four of most files' CPU time. A bundle of
 * certificates that some machines give every Node.js process to read is half of what such a process costs to start.
 */
const folder = dirname(fileURLToPath(import.meta.url));
const wanted = process.argv.slice(2);
const files = readdirSync(folder, { recursive: true, encoding: "utf8" })
  .filter((file) => file.endsWith(".test.js") && (wanted.length === 0 || wanted.includes(dirname(file))))
  .sort();

const FILE_MS = 300_000;
const failed: string[] = [];

type Parser = NonNullable<ReturnType<typeof t.spawn>["subtest"]>["parser"];

/** Has every assertion that fails in `parser`'s output, at any depth, told again at the end of the suite: where, and in what it differs. */
function tellAgain(parser: Parser): void {
  parser.on("child", tellAgain);
  parser.on("assert", ({ ok, skip, todo, closingTestPoint, fullname, diag }) => {
    if (ok || skip || todo || closingTestPoint) return;
    failed.push(
      [fullname, diag?.at?.lineNumber && `${diag.at.fileName}:${diag.at.lineNumber}`, diag?.diff]
        .filter(Boolean)
        .join("\n"),
    );
  });
}

t.setTimeout(0);
// Most files wait for sockets and processes most of the time.
t.jobs = 2 * availableParallelism();
for (const file of files) {
  const path = join(folder, file);
  const name = relative(process.cwd(), path);
  const words = ["-u", "NODE_OPTIONS", "-u", "NODE_EXTRA_CA_CERTS", process.execPath, "--enable-source-maps", path];
  const run = t.spawn("env", words, { buffered: true, timeout: FILE_MS }, name);
  if (run.subtest) tellAgain(run.subtest.parser);
  run.then((results) => {
    if (results && !results.ok) failed.push(name);
  });
}

t.teardown(() => {
  for (const line of failed) t.comment(`failed: ${line}`);
});
