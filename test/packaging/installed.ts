import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import t from "tap";

/**
 * `npm run test:package`: packs Waypost, installs the archive in an empty folder as a user would, and runs it there.
 * It needs the registry and takes half a minute, so it is no part of `npm test`.
 */

const folder = mkdtempSync(join(tmpdir(), "waypost-installed-"));
t.teardown(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }));
const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(WAYPOST|npm)_/.test(name)));

function run(command: string, words: readonly string[], cwd = folder) {
  return spawnSync(command, words, { cwd, env, encoding: "utf8" });
}

const bin = (name: string) => join(folder, "node_modules", ".bin", name);

t.test("the archive installs in an empty folder", async (t) => {
  const packed = run("npm", ["pack", "--json", "--pack-destination", folder], process.cwd());
  t.equal(packed.status, 0, packed.stderr);
  const [{ filename, files }] = JSON.parse(packed.stdout.slice(packed.stdout.indexOf("[")));
  const paths = files.map(({ path }: { path: string }) => path) as string[];
  for (const path of ["dist/man/waypost.1", "config/systemd/waypost.service", "config/drachtio.conf.xml"]) {
    t.ok(paths.includes(path), path);
  }
  t.notOk(
    paths.some((path) => /^(src|test|dist\/test|bench)\/|waypost\.keys|endpoints\.json/.test(path)),
    "nothing of the workshop",
  );
  writeFileSync(join(folder, "package.json"), "{}");
  const installed = run("npm", ["install", "--ignore-scripts", join(folder, filename)]);
  t.equal(installed.status, 0, installed.stderr);
});

t.test("its commands run", async (t) => {
  const version = run(bin("waypost"), ["--version"]);
  t.match(version.stdout, /^\d+\.\d+\.\d+\n$/, version.stderr);
  t.match(run(bin("Get-CsPersistentChatEndpoint"), ["-?"]).stdout, /Get-CsPersistentChatEndpoint/);
  t.match(run(bin("waypost"), ["man"]).stdout, /^\.TH WAYPOST 1/);
  t.ok(existsSync(join(folder, "node_modules/waypost/dist/man/waypost.1")));
});

for (const engine of ["embedded", "drachtio"]) {
  t.test(`check, start and stop with engine ${engine}`, async (t) => {
    const drachtio = engine === "drachtio" ? { drachtio: { servers: ["127.0.0.1:1"], secret: "s" } } : {};
    const file = join(mkdtempSync(join(folder, engine)), "waypost.yaml");
    const listen = [{ transport: "udp", host: "127.0.0.1", port: engine === "drachtio" ? 5060 : 0 }];
    writeFileSync(file, JSON.stringify({ listen, engine, ...drachtio, edit: { probePool: false } }));
    const checked = run(bin("waypost"), ["check", "--config", file]);
    t.equal(checked.status, 0, checked.stderr);
    const add = ["endpoint", "add", `${engine}@contoso.com`, "pcpool.contoso.com", "--config", file];
    t.equal(run(bin("waypost"), add).status, 0);
    const child = spawn(bin("waypost"), ["serve", "--config", file], { cwd: folder, env });
    const ended = once(child, "close");
    let out = "";
    child.stdout.on("data", (chunk) => {
      out += chunk;
    });
    let err = "";
    child.stderr.on("data", (chunk) => {
      err += chunk;
    });
    while (!/^waypost ready .*1 endpoint/m.test(out) && child.exitCode === null) {
      await Promise.race([once(child.stdout, "data"), ended]);
    }
    t.match(out, /^waypost ready .*1 endpoint/m, err);
    child.kill("SIGTERM");
    t.same(await ended, [0, null]);
  });
}
