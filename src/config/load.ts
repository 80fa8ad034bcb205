import { existsSync, readFileSync, statSync } from "node:fs";
import { availableParallelism } from "node:os";
import { dirname, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { Grammar } from "sip.js/lib/grammar/index.js";
import { type Document, isMap, isPair, isScalar, LineCounter, type Node, parseDocument } from "yaml";
import type { z } from "zod";
import { uriHost } from "../endpoints/host.ts";
import { WaypostError } from "../errors.ts";
import { type Finding, findings } from "../schema-findings.ts";
import type { Config, ListenConfig } from "./config.ts";
import { drachtioFindings, toDrachtioConfig } from "./drachtio.ts";
import { type EnvironmentSetting, overlay, readEnvironment } from "./environment.ts";
import { registrarFindings, toRegistrarConfig } from "./registrar.ts";
import { configSchema } from "./schema.ts";
import { selfTest } from "./self.ts";
import { storeFindings, toStoreConfig } from "./store.ts";
import { listenerTls, outboundSettings, secureFindings } from "./tls.ts";
import { trustFindings, trustRule } from "./trust.ts";
import { yamlFaults } from "./yaml-faults.ts";

export interface LoadOptions {
  /** What `--config` said, if anything; a relative path counts from `cwd`. */
  readonly file?: string | undefined;
  readonly env: NodeJS.ProcessEnv;
  readonly cwd: string;
  /** Where the configuration of this machine is, if nothing else is named; {@link SYSTEM} when absent. */
  readonly system?: string;
}

/**
 * Finds, reads and checks the configuration: the file, and the environment on top.
 * @throws WaypostError CONFIG_NOT_FOUND, or CONFIG_INVALID with one line `file:line:column: what is wrong` (or
 * `VARIABLE: what is wrong`) for each thing wrong
 */
export function loadConfig(options: LoadOptions): Config {
  const { file, isSample } = findConfig(options);
  const text = readText(file);
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const at = (offset: number): string => {
    const { line, col } = lines.linePos(offset);
    return `${file}:${line}:${col}`;
  };
  const broken = yamlFaults(document);
  if (broken.length > 0) {
    throw new WaypostError("CONFIG_INVALID", broken.map((fault) => `${at(fault.offset)}: ${fault.text}`).join("\n"));
  }

  const { settings, faults } = readEnvironment(options.env);
  const checked = check(overlay(toValue(document, file), settings));
  const found = Array.isArray(checked) ? checked : crossCheck(checked, file);
  const placed = found
    .map((finding) => ({ finding, variable: variableOf(finding, settings), offset: offsetOf(document, finding) }))
    .sort((a, b) => a.offset - b.offset)
    .map(({ finding, variable, offset }) => `${variable ?? at(offset)}: ${finding.text}`);
  if (Array.isArray(checked) || placed.length + faults.length > 0) {
    throw new WaypostError("CONFIG_INVALID", [...placed, ...faults].join("\n"));
  }
  return deepFreeze({ ...toConfig(file, checked), isSample });
}

type Checked = z.output<typeof configSchema>;

function check(value: unknown): Checked | Finding[] {
  const result = configSchema.safeParse(value, { reportInput: true });
  return result.success ? result.data : findings(result.error.issues, configSchema);
}

/** What no single setting can tell. */
function crossCheck(checked: Checked, file: string): Finding[] {
  // The certificates of drachtio-server's listeners stand in its own configuration.
  const ownListeners = checked.engine === "embedded" ? checked.listen : [];
  const found = secureFindings(ownListeners, checked.tls, besides(file));
  found.push(...drachtioFindings(checked, besides(file)));
  const seen = new Set<string>();
  checked.listen.forEach(({ transport, host, port }, index) => {
    const place = `${transport} ${uriHost(host)}:${port}`;
    if (port !== 0 && seen.has(place)) {
      found.push({ path: ["listen", index], text: `listener ${place} stands here twice`, atKey: false });
    }
    seen.add(place);
  });
  found.push(...trustFindings(checked.listen));
  found.push(...storeFindings(checked.store, besides(file)));
  found.push(...registrarFindings(checked.registrar, besides(file)));
  if (checked.defaultRoute !== "reject") {
    const { proxy } = checked.defaultRoute;
    const uri = Grammar.URIParse(proxy)!;
    const host = uri.host.startsWith("[") ? uri.host.slice(1, -1) : uri.host;
    if (selfTest(checked.listen as ListenConfig[], checked.resolve)(host, uri.port)) {
      const text = `defaultRoute.proxy ${proxy} is this gateway itself; calls would go in circles`;
      found.push({ path: ["defaultRoute", "proxy"], text, atKey: false });
    }
  }
  return found;
}

function toConfig(file: string, { drachtio, ...checked }: Checked): Omit<Config, "isSample"> {
  return {
    ...checked,
    file,
    listen: checked.listen.map((listener) => toListener(listener, besides(file))),
    tls: outboundSettings(checked.tls, besides(file)),
    ...(drachtio === undefined ? {} : { drachtio: toDrachtioConfig(drachtio, besides(file)) }),
    workers: checked.workers === "auto" ? availableParallelism() : checked.workers,
    routeKeys: resolve(dirname(file), checked.routeKeys),
    store: toStoreConfig(checked.store, besides(file)),
    registrar: checked.registrar && toRegistrarConfig(checked.registrar, besides(file)),
  };
}

function toListener(listener: Checked["listen"][number], absolute: (path: string) => string): ListenConfig {
  const { transport, host, port, advertise, recordRoute, origins } = listener;
  const tls = listenerTls(listener, absolute);
  const trust = trustRule(listener);
  return {
    transport,
    host,
    port,
    ...(advertise === undefined ? {} : { advertise }),
    ...(recordRoute === undefined ? {} : { recordRoute }),
    ...(tls === undefined ? {} : { tls }),
    ...(origins === undefined ? {} : { origins }),
    ...(trust === undefined ? {} : { trust }),
  };
}

/** Makes paths absolute that count from the configuration's folder. */
function besides(file: string): (path: string) => string {
  return (path) => resolve(dirname(file), path);
}

/** What is named; else that of the folder, that of the machine, and in the end the sample that comes with the package. */
function findConfig({ file, env, cwd, system = SYSTEM }: LoadOptions): { file: string; isSample: boolean } {
  const named = file ?? (env["WAYPOST_CONFIG"] || undefined);
  if (named !== undefined) {
    return { file: resolve(cwd, named), isSample: false };
  }
  const here = resolve(cwd, DEFAULT);
  const found = [here, system].find(isThere);
  const sample = found === undefined ? ownDefault() : undefined;
  return { file: found ?? sample ?? here, isSample: sample !== undefined };
}

/** Also of a file that this user may not see: to pass over it would be to take another table for the right one. */
function isThere(file: string): boolean {
  try {
    return statSync(file) !== undefined;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return code !== "ENOENT" && code !== "ENOTDIR";
  }
}

const DEFAULT = "config/waypost.yaml";
const SYSTEM = "/etc/waypost/waypost.yaml";

/** The commented default that comes with the package; this file's depth below it differs between builds. */
function ownDefault(): string | undefined {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (dirname(folder) !== folder) {
    if (existsSync(resolve(folder, "package.json"))) {
      return resolve(folder, DEFAULT);
    }
    folder = dirname(folder);
  }
  return undefined;
}

function readText(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    const why = code === "ENOENT" ? "there is no such file" : message;
    throw new WaypostError("CONFIG_NOT_FOUND", `cannot read the configuration ${file}: ${why}`, { cause });
  }
}

function toValue(document: Document, file: string): unknown {
  try {
    return document.toJS();
  } catch (cause) {
    throw new WaypostError("CONFIG_INVALID", `${file}: ${(cause as Error).message}`, { cause });
  }
}

/** The environment variable that a finding is about, if it is not about the file. */
function variableOf(finding: Finding, settings: readonly EnvironmentSetting[]): string | undefined {
  return settings.findLast(({ path }) => path.every((step, index) => finding.path[index] === step))?.variable;
}

/** Where a finding is in the file: its value, its key, or the nearest thing around what is missing. */
function offsetOf(document: Document, finding: Finding): number {
  for (let length = finding.path.length; length > 0; length--) {
    const path = finding.path.slice(0, length);
    const around = document.getIn(path.slice(0, -1), true);
    if (finding.atKey && length === finding.path.length && isMap(around)) {
      const pair = around.items.find(
        (item) => isPair(item) && isScalar(item.key) && String(item.key.value) === path.at(-1),
      );
      const range = (pair?.key as Node | undefined)?.range;
      if (range) {
        return range[0];
      }
    }
    const range = (document.getIn(path, true) as Node | undefined)?.range;
    if (range) {
      return range[0];
    }
  }
  return document.contents?.range?.[0] ?? 0;
}

function deepFreeze<T>(value: T): T {
  if (typeof value === "object" && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    const inner = value instanceof Map ? [...value.values()] : Object.values(value);
    inner.forEach(deepFreeze);
  }
  return value;
}
