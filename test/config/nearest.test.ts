import t from "tap";
import { editDistance, nearest } from "../../src/nearest.ts";

t.test("an edit is a letter too many, too few, a wrong one, or two exchanged", async (t) => {
  t.equal(editDistance("listen", "listen"), 0);
  t.equal(editDistance("listen", "LISTEN"), 0);
  t.equal(editDistance("listn", "listen"), 1);
  t.equal(editDistance("listeen", "listen"), 1);
  t.equal(editDistance("lisden", "listen"), 1);
  t.equal(editDistance("lsiten", "listen"), 1);
  t.equal(editDistance("", "listen"), 6);
});

t.test("the nearest word is suggested when it is near enough", async (t) => {
  const known = ["listen", "engine", "store", "resolve", "defaultRoute"];
  t.equal(nearest("listne", known), "listen");
  t.equal(nearest("default", known), "defaultRoute");
  t.equal(nearest("zzz", known), undefined);
  t.equal(nearest("x".repeat(100_000), known), undefined);
});
