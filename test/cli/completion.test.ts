import { execFile } from "node:child_process";
import { promisify } from "node:util";
import t from "tap";
import { Place } from "./place.ts";

async function stocked(t: Parameters<typeof Place.make>[0]): Promise<Place> {
  const place = await Place.make(t);
  await place.waypost(["endpoint", "add", "ocschat@contoso.com", "pcpool.contoso.com"]);
  return place;
}

t.test("what may follow: commands, options, their values, addresses, files", async (t) => {
  const place = await stocked(t);
  const complete = async (...words: string[]) =>
    (await place.waypost(["__complete", "--", ...words])).out.split("\n").slice(0, -1);
  t.same(await complete("hi"), ["history"]);
  t.same(await complete("endpoint", "re"), ["retire", "remove"]);
  t.same(await complete("endpoint", "set", "ocs"), ["ocschat@contoso.com"]);
  t.same(await complete("endpoint", "set", "ocschat@contoso.com", "--redirect-s"), ["--redirect-status"]);
  t.same(await complete("endpoint", "set", "ocschat@contoso.com", "--redirect-status", ""), ["302", "303"]);
  t.same(await complete("endpoint", "remove", "a@contoso.com", "o"), ["ocschat@contoso.com"], "several addresses");
  t.same(await complete("endpoint", "add", "o"), [], "a new address is not known");
  t.same(await complete("--config", "/etc/w.yaml", "hi"), ["history"]);
  t.same(await complete("--config", ""), [":files"]);
  t.same(await complete("import", ""), [":files"]);
  t.same(await complete("completion", ""), ["bash", "zsh", "fish"]);
  t.same(await complete("import", "x.csv", "--format", "j"), ["json"]);
  t.notOk((await complete("")).includes("__complete"), "it does not offer itself");
});

t.test("the script for bash completes an address behind its @ as well", async (t) => {
  const place = await stocked(t);
  await place.install();
  await place.write("complete.sh", (await place.waypost(["completion", "bash"])).out);
  const ask = async (line: string) => {
    const script = `. ./complete.sh; COMP_LINE='${line}' COMP_POINT=${line.length}; _waypost; printf '%s\\n' "\${COMPREPLY[@]}"`;
    const { stdout } = await promisify(execFile)("bash", ["-c", script], { cwd: place.directory, env: place.env });
    return stdout.trim();
  };
  t.equal(await ask("waypost endpoint show ocs"), "ocschat@contoso.com");
  t.equal(await ask("waypost endpoint show ocschat@con"), "contoso.com", "bash has taken ocschat@ for a word");
  t.equal(await ask("waypost import comp"), "complete.sh");
});

t.test("there is a script for zsh and fish, and a shell that is unknown is refused", async (t) => {
  const place = await stocked(t);
  t.match((await place.waypost(["completion", "zsh"])).out, /^#compdef waypost\n/);
  t.match((await place.waypost(["completion", "fish"])).out, /^complete -c waypost /m);
  t.match(await place.waypost(["completion", "csh"]), { status: 1, err: /completion takes bash, zsh or fish/ });
});
