import { spawnSync } from "node:child_process";
import { chmodSync, readFileSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import t from "tap";
import { parseAllDocuments } from "yaml";
import { runProgram } from "../../src/cli/program.ts";
import { loadConfig } from "../../src/config/load.ts";
import { eventually } from "../support/eventually.ts";
import { GatewayProcess } from "../support/gateway.ts";

const UNIT = "config/systemd/waypost.service";
const unit = readFileSync(UNIT, "utf8");

/** The values of a key of the unit. */
function valuesOf(key: string): string[] {
  return [...unit.matchAll(new RegExp(`^${key}=(.*)$`, "gm"))].map(([, value]) => value!);
}

const noSystemd = spawnSync("systemd-analyze", ["--version"]).error !== undefined && "there is no systemd here";

t.test("systemd takes the unit without a warning, and finds it little exposed", { skip: noSystemd }, async (t) => {
  const file = join(t.testdir({}), "waypost.service");
  // The command and the manual page need not be installed here.
  writeFileSync(file, unit.replaceAll("/usr/bin/waypost", "/bin/true").replace(/^Documentation=.*$/m, ""));
  const verified = spawnSync("systemd-analyze", ["verify", file], { encoding: "utf8" });
  t.same([verified.status, verified.stderr.split("\n").filter((line) => line.includes("waypost.service"))], [0, []]);
  const judged = spawnSync("systemd-analyze", ["security", "--offline=true", "--threshold=20", file], {
    encoding: "utf8",
  });
  t.equal(judged.status, 0, judged.stdout);
});

t.test("the unit checks before it starts, does not restart in a storm and waits for the drain", async (t) => {
  t.same(valuesOf("ExecStartPre"), ["/usr/bin/waypost check"]);
  t.same(valuesOf("Restart"), ["on-failure"]);
  const [burst, interval, pause] = ["StartLimitBurst", "StartLimitIntervalSec", "RestartSec"].map((key) => {
    return Number(valuesOf(key)[0]);
  });
  t.ok(burst! * pause! < interval!, "the limit is reached when each start fails");
  const { drain } = loadConfig({ file: "config/waypost.yaml", env: {}, cwd: "." });
  t.ok(Number(valuesOf("TimeoutStopSec")[0]) > drain.seconds);
  t.same([valuesOf("Type"), valuesOf("NotifyAccess")], [["notify"], ["all"]]);
});

t.test("systemd is told when calls are taken", async (t) => {
  const folder = t.testdir({ "systemd-notify": '#!/bin/sh\nprintf "%s\\n" "$@" >> "$NOTIFY_SOCKET"\n' });
  chmodSync(join(folder, "systemd-notify"), 0o755);
  const told = join(folder, "told");
  const before = process.env["PATH"];
  process.env["PATH"] = `${folder}${delimiter}${before}`;
  process.env["NOTIFY_SOCKET"] = told;
  t.teardown(() => {
    process.env["PATH"] = before;
    delete process.env["NOTIFY_SOCKET"];
  });
  await GatewayProcess.start(t);
  const words = await eventually("it was told", () => {
    const text = readFileSync(told, "utf8");
    return text.includes("STATUS=") ? text : undefined;
  });
  t.match(words, /^READY=1\nSTATUS=waypost ready on udp:127\.0\.0\.1:\d+/);
});

t.test("the manual page has every command and option that --help has", async (t) => {
  const printed = async (words: readonly string[]): Promise<string> => {
    let text = "";
    const io = {
      out: (more: string) => void (text += more),
      err: () => {},
      outIsTerminal: false,
      piped: () => undefined,
      ask: async () => undefined,
    };
    await runProgram(words, io, {});
    return text;
  };
  const page = await printed(["man"]);
  const has = (text: string) => page.includes(text.replaceAll("-", "\\-"));
  const help = await printed(["--help"]);
  const commands = [...help.matchAll(/^ {2}([a-z]+)\b.* {2}/gm)]
    .map(([, name]) => name!)
    .filter((name) => name !== "help");
  t.ok(commands.length > 10, `${commands}`);
  for (const command of commands) {
    t.ok(has(`.SS waypost ${command}`), command);
    const options = [...(await printed([command, "--help"])).matchAll(/^ {2}(--[a-z-]+)/gm)].map(([, name]) => name!);
    for (const option of options.filter((name) => name !== "--help")) t.ok(has(option), `${command} ${option}`);
  }
  t.notMatch(page, /^\.(?!TH|SH|SS|TP|B |I )/m, "no other macros");
});

// biome-ignore lint/suspicious/noExplicitAny: manifests are read as Kubernetes reads them.
const manifests: any[] = parseAllDocuments(readFileSync("config/kubernetes/waypost.yaml", "utf8")).map((each) =>
  each.toJS(),
);
const kind = (name: string) => manifests.find((manifest) => manifest.kind === name);

t.test("Kubernetes: the pods end in order, are probed where the gateway answers, and may do little", async (t) => {
  const { spec } = kind("StatefulSet").spec.template;
  const [container] = spec.containers;
  const env = Object.fromEntries(
    container.env.map((each: { name: string; value?: string }) => [each.name, each.value]),
  );
  const settings = Object.entries<string | undefined>(env)
    .filter(([name]) => name.startsWith("WAYPOST_"))
    .map(([name, value]) => [name, value!.replaceAll("$(POD_IP)", "192.0.2.7")]);
  const file = join(t.testdir({}), "waypost.yaml");
  writeFileSync(file, kind("ConfigMap").data["waypost.yaml"]);
  const config = loadConfig({ file, env: Object.fromEntries(settings), cwd: "." });

  t.same(config.admin, { ...config.admin, host: "192.0.2.7", port: 8060 });
  const paths = ["startupProbe", "livenessProbe", "readinessProbe"].map((name) => container[name].httpGet);
  t.same(
    paths.map(({ path, port }) => [path, port]),
    [
      ["/livez", "admin"],
      ["/livez", "admin"],
      ["/readyz", "admin"],
    ],
  );
  t.equal(container.ports.find(({ name }: { name: string }) => name === "admin").containerPort, config.admin?.port);
  t.same(
    config.listen.map(({ host, port }) => [host, port]),
    [
      ["192.0.2.7", 5060],
      ["192.0.2.7", 5060],
    ],
  );

  t.equal(new Set(config.listen.map(({ recordRoute }) => recordRoute)).size, 1);
  t.ok(config.listen[0]?.recordRoute, "any pod carries the dialogs of any other one");

  const [, wait] = container.lifecycle.preStop.exec.command;
  const { periodSeconds, failureThreshold } = container.readinessProbe;
  t.ok(Number(wait) > periodSeconds * failureThreshold, "it is out of the load balancer before it refuses dialogs");
  t.ok(spec.terminationGracePeriodSeconds > Number(wait) + config.drain.seconds, "the grace covers both");

  t.match(container.securityContext, { allowPrivilegeEscalation: false, readOnlyRootFilesystem: true });
  t.match(spec.securityContext, { runAsNonRoot: true, seccompProfile: { type: "RuntimeDefault" } });
  const mounts = container.volumeMounts.map(({ name }: { name: string }) => name).sort();
  const claims = kind("StatefulSet").spec.volumeClaimTemplates.map(
    ({ metadata }: { metadata: { name: string } }) => metadata.name,
  );
  t.same(mounts, [...spec.volumes.map(({ name }: { name: string }) => name), ...claims].sort());
  const writable = container.volumeMounts.filter((mount: { readOnly?: boolean }) => !mount.readOnly);
  t.ok(
    writable.some(({ mountPath }: { mountPath: string }) => JSON.stringify(config.store).includes(`"${mountPath}/`)),
  );
  const labels = kind("StatefulSet").spec.template.metadata.labels;
  t.same([kind("Service").spec.selector, kind("PodDisruptionBudget").spec.selector.matchLabels], [labels, labels]);
});
