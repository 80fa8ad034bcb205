import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Test } from "tap";
import type { Config } from "../../src/config/config.ts";
import { loadConfig } from "../../src/config/load.ts";
import { udpEnvironment } from "../support/udp-form.ts";

/** The configuration that a file with these settings makes. */
export function configOf(t: Test, settings: Readonly<Record<string, unknown>>): Config {
  const folder = t.testdir({});
  const file = join(folder, "waypost.yaml");
  // JSON is YAML too.
  writeFileSync(file, JSON.stringify(settings));
  return loadConfig({ file, env: udpEnvironment, cwd: folder });
}
