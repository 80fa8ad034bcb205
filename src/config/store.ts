import { existsSync } from "node:fs";
import { z } from "zod";
import type { RedisAccess, RedisNode, RedisTls } from "../endpoints/redis/access.ts";
import type { Finding } from "../schema-findings.ts";
import type { StoreConfig } from "./config.ts";
import { parseHostPort } from "./host-port.ts";
import { GROUP, parsed } from "./schema-parts.ts";

const TEXT = "must be a text";
const REDIS_PORT = 6379;
const SENTINEL_PORT = 26379;
const ENTRIES = "must be a whole number of changes from 10 to 1000000";
const DB = "must be the number of a database, 0 or more";

const path = z.string("must be a path").min(1, "must be a path");
const text = z.string(TEXT).min(1, TEXT);

const node = parsed("host:port", parseHostPort);
const NODES = "must be a list such as [redis01.contoso.com:26379]";
const nodes = z.array(node, NODES).min(1, NODES);

const url = z.string("must be a URL such as redis://redis01.contoso.com:6379/0").transform((value, context) => {
  const address = URL.canParse(value) ? new URL(value) : undefined;
  const fault =
    address === undefined || !["redis:", "rediss:"].includes(address.protocol) || address.hostname === ""
      ? "is no Redis URL, such as redis://redis01.contoso.com:6379/0 or rediss://… for TLS"
      : !/^\/?\d*$/.test(address.pathname)
        ? "must end in the number of a database, such as /0, or in nothing"
        : [address.username, address.password, address.hostname].every(isEncoded)
          ? undefined
          : "has a % that stands for no character; a % itself is written %25";
  if (address === undefined || fault !== undefined) {
    // The text may hold a password, which is not for a log.
    context.issues.push({ code: "custom", message: `store.url ${fault}`, input: "" });
    return z.NEVER;
  }
  return address;
});

function isEncoded(text: string): boolean {
  try {
    decodeURIComponent(text);
    return true;
  } catch {
    return false;
  }
}

/** The group `store`. */
export const storeSchema = z.strictObject(
  {
    kind: z.enum(["file", "redis"]).default("file"),
    path: path.optional(),
    history: z.int(ENTRIES).min(10, ENTRIES).max(1_000_000, ENTRIES).default(5000),
    url: url.optional(),
    sentinels: nodes.optional(),
    primary: text.optional(),
    cluster: nodes.optional(),
    db: z.int(DB).min(0, DB).optional(),
    username: text.optional(),
    password: text.optional(),
    passwordFile: path.optional(),
    sentinelUsername: text.optional(),
    sentinelPassword: text.optional(),
    sentinelPasswordFile: path.optional(),
    tls: z
      .strictObject(
        { ca: path.optional(), cert: path.optional(), key: path.optional(), servername: text.optional() },
        GROUP,
      )
      .optional(),
    prefix: text.regex(/^[^{}\s]+$/, "must be a word without braces and blanks").optional(),
    copy: path.optional(),
  },
  GROUP,
);

type CheckedStore = z.output<typeof storeSchema>;

const OF_REDIS = [
  "url",
  "sentinels",
  "primary",
  "cluster",
  "db",
  "username",
  "password",
  "passwordFile",
  "sentinelUsername",
  "sentinelPassword",
  "sentinelPasswordFile",
  "tls",
  "prefix",
  "copy",
] as const satisfies (keyof CheckedStore)[];
const FILES = ["passwordFile", "sentinelPasswordFile"] as const;
const TLS_FILES = ["ca", "cert", "key"] as const;

/** What no single setting of the group can tell. @param absolute makes a path absolute */
export function storeFindings(store: CheckedStore, absolute: (path: string) => string): Finding[] {
  const at = (key: string, text: string, atKey = true): Finding => ({ path: ["store", key], text, atKey });
  if (store.kind === "file") {
    return OF_REDIS.filter((key) => store[key] !== undefined).map((key) =>
      at(key, `store.${key} belongs to a store of kind redis`),
    );
  }
  const found: Finding[] = [];
  if (store.path !== undefined) {
    found.push(at("path", "store.path belongs to a store of kind file"));
  }
  const places = (["url", "sentinels", "cluster"] as const).filter((key) => store[key] !== undefined);
  if (places.length !== 1) {
    const text = "a store of kind redis needs one of url, sentinels and cluster";
    found.push(places.length === 0 ? { path: ["store"], text, atKey: false } : at(places[1]!, text));
  }
  if ((store.sentinels === undefined) !== (store.primary === undefined)) {
    const [key, text] = store.sentinels
      ? ["sentinels", "store.sentinels needs store.primary, the name by which the Sentinels know the primary"]
      : ["primary", "store.primary belongs to store.sentinels"];
    found.push(at(key!, text!));
  }
  if (store.cluster !== undefined && (store.db ?? 0) !== 0) {
    found.push(at("db", "a Cluster has only the database 0"));
  }
  for (const [one, other] of [
    ["password", "passwordFile"],
    ["sentinelPassword", "sentinelPasswordFile"],
  ] as const) {
    if (store[one] !== undefined && store[other] !== undefined) {
      found.push(at(other, `store.${one} and store.${other} exclude each other`));
    }
  }
  for (const key of FILES) {
    const file = store[key];
    if (file !== undefined && !existsSync(absolute(file))) {
      found.push(at(key, `store.${key} ${file} does not exist`, false));
    }
  }
  for (const key of TLS_FILES) {
    const file = store.tls?.[key];
    if (file !== undefined && !existsSync(absolute(file))) {
      found.push({ path: ["store", "tls", key], text: `store.tls.${key} ${file} does not exist`, atKey: false });
    }
  }
  return found;
}

/** The group as the stores take it; it has passed {@link storeFindings}. */
export function toStoreConfig(store: CheckedStore, absolute: (path: string) => string): StoreConfig {
  const { history } = store;
  if (store.kind === "file") {
    return { kind: "file", path: absolute(store.path ?? "endpoints.json"), history };
  }
  const copy = absolute(store.copy ?? "endpoints.last-good");
  return { kind: "redis", access: toAccess(store, absolute), history, copy };
}

function toAccess(store: CheckedStore, absolute: (path: string) => string): RedisAccess {
  const { url, prefix = "waypost" } = store;
  const username = store.username ?? (url?.username ? decodeURIComponent(url.username) : undefined);
  const password = store.password ?? (url?.password ? decodeURIComponent(url.password) : undefined);
  const tls = toTls(store, absolute);
  return {
    server: toServer(store, absolute),
    ...(username === undefined ? undefined : { username }),
    ...(password === undefined || store.passwordFile ? undefined : { password }),
    ...(store.passwordFile === undefined ? undefined : { passwordFile: absolute(store.passwordFile) }),
    ...(tls === undefined ? undefined : { tls }),
    prefix,
  };
}

function toServer(store: CheckedStore, absolute: (path: string) => string): RedisAccess["server"] {
  const { url, cluster, sentinels, primary = "" } = store;
  if (cluster !== undefined) {
    return { kind: "cluster", nodes: withPort(cluster, REDIS_PORT) };
  }
  if (url !== undefined) {
    const host = url.hostname.startsWith("[") ? url.hostname.slice(1, -1) : decodeURIComponent(url.hostname);
    const node = { host, port: url.port === "" ? REDIS_PORT : Number(url.port) };
    return { kind: "standalone", node, db: store.db ?? Number(url.pathname.slice(1) || 0) };
  }
  const { sentinelUsername, sentinelPassword, sentinelPasswordFile } = store;
  return {
    kind: "sentinel",
    name: primary,
    nodes: withPort(sentinels ?? [], SENTINEL_PORT),
    db: store.db ?? 0,
    ...(sentinelUsername === undefined ? undefined : { username: sentinelUsername }),
    ...(sentinelPassword === undefined ? undefined : { password: sentinelPassword }),
    ...(sentinelPasswordFile === undefined ? undefined : { passwordFile: absolute(sentinelPasswordFile) }),
  };
}

function toTls({ tls, url }: CheckedStore, absolute: (path: string) => string): RedisTls | undefined {
  if (tls === undefined && url?.protocol !== "rediss:") {
    return undefined;
  }
  const { servername, ...files } = tls ?? {};
  const paths = Object.entries(files).flatMap(([key, file]) => (file === undefined ? [] : [[key, absolute(file)]]));
  return { ...Object.fromEntries(paths), ...(servername === undefined ? undefined : { servername }) };
}

function withPort(list: readonly { readonly host: string; readonly port?: number }[], port: number): RedisNode[] {
  return list.map((each) => ({ host: each.host, port: each.port ?? port }));
}
