import { existsSync } from "node:fs";
import { z } from "zod";
import type { Finding } from "../schema-findings.ts";
import type { TlsListenSettings, TlsOutboundSettings } from "../transport/tls/settings.ts";

/** The files of a TLS listener or of outbound TLS; each names a path that counts from the configuration's folder. */
const FILES = ["cert", "key", "ca", "crl"] as const;

const path = z.string("must be a path").min(1, "must be a path").optional();
const YES_NO = "must be true or false";

const files = { cert: path, key: path, ca: path, crl: path };

/** The keys that a `tls` or `wss` listener has beside the common ones, and `origins` of `ws` and `wss`. */
export const secureListenerKeys = {
  ...files,
  clientCert: z.enum(["none", "request", "require"]).optional(),
  legacy: z.boolean(YES_NO).optional(),
  origins: z
    .array(
      z
        .string("must be an origin such as https://chat.contoso.com")
        .regex(/^(\*|[a-z][a-z0-9+.-]*:\/\/[^/\s]+)$/i, "must be an origin such as https://chat.contoso.com, or *"),
      "must be a list of origins",
    )
    .optional(),
};

/** The group `tls`. */
export const outboundTls = z.strictObject(
  {
    ...files,
    verify: z.enum(["full", "chain", "none"]).default("full"),
    legacyHosts: z.array(z.string("must be a host name"), "must be a list of host names").default([]),
  },
  "must be a group of settings",
);

type FileKeys = { readonly [key in (typeof FILES)[number]]?: string | undefined };
type SecureKeys = FileKeys & {
  readonly transport: string;
  readonly clientCert?: "none" | "request" | "require" | undefined;
  readonly legacy?: boolean | undefined;
  readonly origins?: readonly string[] | undefined;
};

/**
 * What is wrong with the settings for TLS and WebSocket that no single key can tell: keys on a listener that has no use
 * for them, a certificate without a key, a file that is not there.
 * @param absolute makes a path of the configuration absolute
 */
export function secureFindings(
  listen: readonly SecureKeys[],
  tls: FileKeys,
  absolute: (path: string) => string,
): Finding[] {
  return [
    ...listen.flatMap((listener, index) => listenerFindings(listener, ["listen", index], absolute)),
    ...pairFindings(tls, ["tls"], "the group tls"),
    ...fileFindings(tls, ["tls"], absolute),
  ];
}

function listenerFindings(listener: SecureKeys, at: Finding["path"], absolute: (path: string) => string): Finding[] {
  const { transport } = listener;
  const found: Finding[] = [];
  const secure = transport === "tls" || transport === "wss";
  for (const key of [...FILES, "clientCert", "legacy"] as const) {
    if (!secure && listener[key] !== undefined) {
      found.push({
        path: [...at, key],
        text: `${key} belongs to tls and wss listeners, not to ${transport}`,
        atKey: true,
      });
    }
  }
  if (listener.origins !== undefined && transport !== "ws" && transport !== "wss") {
    found.push({
      path: [...at, "origins"],
      text: `origins belongs to ws and wss listeners, not to ${transport}`,
      atKey: true,
    });
  }
  if (!secure) return found;
  if (listener.cert === undefined && listener.key === undefined) {
    found.push({ path: at, text: `a ${transport} listener needs cert and key`, atKey: false });
  }
  return [...found, ...pairFindings(listener, at, "the listener"), ...fileFindings(listener, at, absolute)];
}

function pairFindings({ cert, key }: FileKeys, at: Finding["path"], whose: string): Finding[] {
  if ((cert === undefined) === (key === undefined)) return [];
  const [has, lacks] = cert === undefined ? ["key", "cert"] : ["cert", "key"];
  return [{ path: [...at, has!], text: `${whose} has ${has} without ${lacks}`, atKey: true }];
}

function fileFindings(keys: FileKeys, at: Finding["path"], absolute: (path: string) => string): Finding[] {
  return FILES.flatMap((name) => {
    const file = keys[name];
    if (file === undefined || existsSync(absolute(file))) return [];
    return [{ path: [...at, name], text: `there is no file ${absolute(file)}`, atKey: false }];
  });
}

/** A listener's TLS settings with absolute paths; undefined for a listener without TLS. */
export function listenerTls(listener: SecureKeys, absolute: (path: string) => string): TlsListenSettings | undefined {
  const { cert, key, clientCert = "none", legacy = false } = listener;
  if (cert === undefined || key === undefined) return undefined;
  return { ...absoluteFiles(listener, absolute), cert: absolute(cert), key: absolute(key), clientCert, legacy };
}

/** The group `tls` with absolute paths. */
export function outboundSettings(
  { verify, legacyHosts, ...keys }: z.output<typeof outboundTls>,
  absolute: (path: string) => string,
): TlsOutboundSettings {
  return { ...absoluteFiles(keys, absolute), verify, legacyHosts };
}

function absoluteFiles(keys: FileKeys, absolute: (path: string) => string): FileKeys & TlsOutboundSettings {
  return Object.fromEntries(FILES.flatMap((name) => (keys[name] === undefined ? [] : [[name, absolute(keys[name])]])));
}
