import { spawnSync } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";

/** A program that tests run, and the Debian package that brings it. */
interface Prerequisite {
  readonly command: string;
  readonly debianPackage: string;
}

const PREREQUISITES: readonly Prerequisite[] = [
  { command: "sipp", debianPackage: "sip-tester" },
  { command: "redis-server", debianPackage: "redis-server" },
  { command: "dnsmasq", debianPackage: "dnsmasq-base" },
  { command: "kamailio", debianPackage: "kamailio" },
];

/** The stacks of others, for `npm run interop`. */
const STACKS: readonly Prerequisite[] = [
  { command: "kamailio", debianPackage: "kamailio" },
  { command: "kamailio", debianPackage: "kamailio-tls-modules" },
  { command: "baresip", debianPackage: "baresip-core" },
  { command: "sipsak", debianPackage: "sipsak" },
  { command: "openssl", debianPackage: "openssl" },
];

/** Another package manager may be at work, as on a machine that was just started. */
const APT_OPTIONS = ["-qq", "-o", "DPkg::Lock::Timeout=120"];

/**
 * Sees to it that every program that the tests run is there. Installs what is missing when this is Debian (or a child
 * of it) and we are root.
 * @throws Error that says what to install
 */
function ensurePrerequisites(wanted: readonly Prerequisite[]): void {
  let missing = missingOf(wanted);
  if (missing.length === 0) return;
  let failure = "";
  if (process.getuid?.() === 0 && isThere("apt-get")) {
    const packages = missing.map(({ debianPackage }) => debianPackage);
    process.stderr.write(`Installing ${packages.join(" and ")} for the tests …\n`);
    failure = install(packages);
    missing = missingOf(missing);
    if (missing.length === 0) return;
  }
  const commands = missing.map(({ command }) => command).join(" and ");
  const packages = missing.map(({ debianPackage }) => debianPackage).join(" ");
  const verb = missing.length === 1 ? "is" : "are";
  throw new Error(
    `The tests need ${commands}, which ${verb} not in the PATH.\n` +
      `On Debian: sudo apt-get install ${packages} (elsewhere: the package that has ${commands}).${failure}`,
  );
}

/** Gives what went wrong, for people; "" when all is well. The package lists are fetched only if they are needed. */
function install(packages: readonly string[]): string {
  const wanted = ["install", "-y", "--no-install-recommends", ...packages];
  if (apt(wanted) === "") return "";
  return apt(["update"]) || apt(wanted);
}

function apt(words: readonly string[]): string {
  const env = {
    ...process.env,
    DEBIAN_FRONTEND: "noninteractive",
    // Tests start a redis-server of their own; the one of the system need not run (see invoke-rc.d).
    RUNLEVEL: "1",
  };
  const { status, error, stdout, stderr } = spawnSync("apt-get", [...APT_OPTIONS, ...words], { env, encoding: "utf8" });
  if (status === 0) return "";
  return `\napt-get ${words.join(" ")} failed:\n${error?.message ?? `${stdout}${stderr}`.trim()}`;
}

function missingOf(prerequisites: readonly Prerequisite[]): Prerequisite[] {
  return prerequisites.filter(({ command }) => !isThere(command));
}

function isThere(command: string): boolean {
  // Servers such as dnsmasq stand where not everyone's PATH leads to.
  const folders = [...(process.env["PATH"] ?? "").split(delimiter), "/usr/sbin"];
  return folders.some((folder) => {
    try {
      accessSync(join(folder, command), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

try {
  ensurePrerequisites(process.argv[2] === "interop" ? [...PREREQUISITES, ...STACKS] : PREREQUISITES);
} catch (error) {
  process.stderr.write(`${(error as Error).message}\n`);
  process.exitCode = 1;
}
