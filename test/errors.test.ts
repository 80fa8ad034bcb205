import { readFileSync } from "node:fs";
import t from "tap";
import { ERRORS } from "../src/errors.ts";

t.test("docs/errors.md lists every error code with its remedy, and no other", async (t) => {
  const page = readFileSync("docs/errors.md", "utf8");
  const rows = [...page.matchAll(/^\| `([A-Z_]+)` \| (.+) \|$/gm)].map(([, code, remedy]) => [code, remedy]);
  t.same(
    rows,
    Object.entries(ERRORS).map(([code, { remedy }]) => [code, remedy]),
  );
});
