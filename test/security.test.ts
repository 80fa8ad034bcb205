import { existsSync, readFileSync } from "node:fs";
import t from "tap";

const PAGE = readFileSync("docs/security.md", "utf8");

t.test("docs/security.md names for each statement a test that exists", async (t) => {
  // A backtick may stand in a test's name, a line break in the page's text.
  const claims = [...PAGE.matchAll(/`(test\/[\w/.-]+\.test\.ts)`: ((?:[^|)]|\([^)]*\))+?)(?= *\||\))/g)];
  t.ok(claims.length > 35, `${claims.length} statements were found`);
  for (const [, file, name] of claims) {
    const text = name!.replaceAll(/\s+/g, " ").trim();
    t.ok(existsSync(file!) && readFileSync(file!, "utf8").includes(text), `${file} has "${text}"`);
  }
  for (const line of PAGE.split("\n").filter((row) => row.startsWith("| ") && !/^\| (what|limit|---)/.test(row))) {
    t.match(line, /`test\/[\w/.-]+\.test\.ts`: /, line);
  }
});
