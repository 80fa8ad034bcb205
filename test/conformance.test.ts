import { existsSync, readdirSync, readFileSync } from "node:fs";
import t from "tap";

const PAGE = readFileSync("docs/conformance.md", "utf8");

/** The cells of every table row of the page. */
const rows = PAGE.split("\n")
  .filter((line) => line.startsWith("| "))
  .map((line) => line.split("|").map((cell) => cell.trim().replaceAll("`", "")));

t.test("docs/conformance.md names test files that exist, and tests that are in them", async (t) => {
  const claims = rows.filter(([, , , file]) => file?.startsWith("test/"));
  t.ok(claims.length > 50, "the tables were found");
  for (const [, section, , file, name] of claims) {
    t.ok(existsSync(file!) && readFileSync(file!, "utf8").includes(name!), `${section}: ${file} has "${name}"`);
  }
  for (const [file] of PAGE.matchAll(/test\/[\w/.-]+\.ts/g)) t.ok(existsSync(file), file);
});

t.test("docs/conformance.md lists every deviation that the source marks, file by file", async (t) => {
  const listed = rows.map((cells) => cells[4] ?? "").filter((cell) => /^src\/[\w/.-]+\.ts$/.test(cell));
  const marked = readdirSync("src", { recursive: true, encoding: "utf8" })
    .filter((path) => path.endsWith(".ts"))
    .flatMap((path) => (readFileSync(`src/${path}`, "utf8").match(/DEVIATION:/g) ?? []).map(() => `src/${path}`));
  t.same(listed.sort(), marked.sort());
});
