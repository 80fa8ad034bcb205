import { spawnSync } from "node:child_process";
import { chmodSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import t from "tap";

const SCRIPT = fileURLToPath(new URL("prerequisites.js", import.meta.url));
const isRoot = process.getuid?.() === 0;

/** Runs the script with a PATH of one folder only; besides, it looks into /usr/sbin, where neither sipp nor redis-server is. */
function run(folder: string): { status: number | null; stderr: string } {
  return spawnSync(process.execPath, [SCRIPT], { env: { PATH: folder }, encoding: "utf8" });
}

/** A folder with the programs that the tests below do not miss. */
function folderOf(t: { testdir(): string }): string {
  const folder = t.testdir();
  for (const name of ["dnsmasq", "kamailio"]) program(folder, name);
  return folder;
}

function program(folder: string, name: string, script = ""): void {
  writeFileSync(join(folder, name), `#!/bin/sh\n${script}`);
  chmodSync(join(folder, name), 0o755);
}

t.test("with everything there, nothing is said and apt-get is not called", async (t) => {
  const folder = folderOf(t);
  program(folder, "sipp");
  program(folder, "redis-server");
  program(folder, "apt-get", `echo called >> "${folder}/calls"`);
  const { status, stderr } = run(folder);
  t.equal(status, 0);
  t.equal(stderr, "");
  t.notOk(existsSync(join(folder, "calls")));
});

t.test("where nothing can be installed, the packages are named and the status is 1", async (t) => {
  const folder = folderOf(t);
  program(folder, "redis-server");
  const { status, stderr } = run(folder);
  t.equal(status, 1);
  t.match(stderr, "The tests need sipp, which is not in the PATH.");
  t.match(stderr, "apt-get install sip-tester");
  t.notMatch(stderr, "redis");
});

/** An apt-get that notes its calls and installs only once its lists were updated. */
function fakeApt(folder: string, installing: string): void {
  const lines = [
    `echo "$DEBIAN_FRONTEND: $*" >> "${folder}/calls"`,
    `case "$*" in`,
    `*update*) : > "${folder}/updated" ;;`,
    `*) [ -e "${folder}/updated" ] || { echo "E: Unable to locate package"; exit 100; }`,
    `  ${installing} ;;`,
    "esac",
  ];
  program(folder, "apt-get", `PATH=/usr/bin:/bin\n${lines.join("\n")}\n`);
}

t.test("root on Debian gets what is missing, with fresh package lists if need be", async (t) => {
  const folder = folderOf(t);
  program(folder, "sipp");
  fakeApt(folder, `cp "${folder}/sipp" "${folder}/redis-server"`);
  const { status, stderr } = run(folder);
  if (!isRoot) {
    t.equal(status, 1);
    t.match(stderr, "sudo apt-get install redis-server");
    t.notOk(existsSync(join(folder, "calls")), "apt-get is for root alone");
    return;
  }
  t.equal(status, 0, stderr);
  const calls = readFileSync(join(folder, "calls"), "utf8").trim().split("\n");
  t.equal(calls.length, 3);
  t.match(calls[0], /^noninteractive: .* install -y .*redis-server$/);
  t.match(calls[1], /update$/);
  t.notMatch(calls[2], "sip-tester", "what is there is not installed again");
});

t.test("a failure of apt-get is shown", async (t) => {
  const folder = folderOf(t);
  fakeApt(folder, `echo "E: No space left on device" >&2; exit 100`);
  const { status, stderr } = run(folder);
  t.equal(status, 1);
  t.match(stderr, isRoot ? "E: No space left on device" : "sudo apt-get install sip-tester redis-server");
});
