import { existsSync } from "node:fs";
import { z } from "zod";
import type { Finding } from "../schema-findings.ts";
import type { RegistrarConfig } from "./config.ts";
import { count, GROUP, nextHopUri } from "./schema-parts.ts";

const TEXT = "must be a text";
const text = z.string(TEXT).min(1, TEXT);
const ALGORITHMS = ["SHA-512-256", "SHA-256", "MD5"] as const;
const LIST = `must be a list of ${ALGORITHMS.join(", ")}`;

/** The group `registrar`. */
export const registrarSchema = z.strictObject(
  {
    server: nextHopUri.optional(),
    username: text.optional(),
    password: text.optional(),
    passwordFile: z.string("must be a path").min(1, "must be a path").optional(),
    realm: text.optional(),
    algorithms: z
      .array(z.enum(ALGORITHMS), LIST)
      .min(1, LIST)
      .default([...ALGORITHMS]),
    expiresSeconds: count(60, 86_400, "seconds").default(600),
  },
  GROUP,
);

type Checked = z.output<typeof registrarSchema>;

/** What no single setting of the group can tell. @param absolute makes a path absolute */
export function registrarFindings(registrar: Checked | undefined, absolute: (path: string) => string): Finding[] {
  const { password, passwordFile } = registrar ?? {};
  if (passwordFile === undefined) return [];
  const path = ["registrar", "passwordFile"];
  if (password !== undefined) {
    return [{ path, text: "registrar.password and registrar.passwordFile exclude each other", atKey: true }];
  }
  if (existsSync(absolute(passwordFile))) return [];
  return [{ path, text: `registrar.passwordFile ${passwordFile} does not exist`, atKey: false }];
}

/** The group as the gateway takes it; it has passed {@link registrarFindings}. */
export function toRegistrarConfig(registrar: Checked, absolute: (path: string) => string): RegistrarConfig {
  const { server, username, password, passwordFile, realm, algorithms, expiresSeconds } = registrar;
  return {
    algorithms,
    expiresSeconds,
    ...(server === undefined ? {} : { server }),
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    ...(passwordFile === undefined ? {} : { passwordFile: absolute(passwordFile) }),
    ...(realm === undefined ? {} : { realm }),
  };
}
