import { statSync } from "node:fs";
import t from "tap";

t.test("the built command can be executed, so that npx finds it in a fresh clone", async (t) => {
  t.equal(statSync("dist/src/cli/main.js").mode & 0o111, 0o111);
});
