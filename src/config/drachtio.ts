import { existsSync } from "node:fs";
import { z } from "zod";
import { hostNameFault } from "../endpoints/host.ts";
import type { Finding } from "../schema-findings.ts";
import type { DrachtioConfig } from "./config.ts";
import { parseHostPort, parseIpPort } from "./host-port.ts";
import { GROUP, parsed } from "./schema-parts.ts";

const TEXT = "must be a text";
const ADMIN_PORT = 9022;
/** drachtio-server gives the URI of the pool only to requests for its default port, where they name none. */
const SIP_PORT = 5060;

const path = z.string("must be a path").min(1, "must be a path");
const text = z.string(TEXT).min(1, TEXT);

// Its control protocol cuts messages at these, and nothing in it can be quoted.
const SECRET = "must be a text without | and without line breaks";
const secret = text.regex(/^[^|\r\n]+$/, SECRET);

const dnsName = text.transform((name, context) => {
  const fault = hostNameFault(name);
  if (fault === undefined) return name;
  context.issues.push({ code: "custom", message: `dnsNames "${name}" ${fault}`, input: name });
  return z.NEVER;
});

/** The group `drachtio`. */
export const drachtioSchema = z.strictObject(
  {
    servers: z
      .array(parsed("host or host:port", parseHostPort), "must be a list such as [drachtio01.contoso.com:9022]")
      .default([]),
    listen: parsed("ip:port such as 127.0.0.1:9030", parseIpPort).optional(),
    secret: secret.optional(),
    secretFile: path.optional(),
    tls: z
      .strictObject(
        { ca: path.optional(), cert: path.optional(), key: path.optional(), servername: text.optional() },
        GROUP,
      )
      .optional(),
    dnsNames: z.array(dnsName, "must be a list of host names").default([]),
  },
  GROUP,
);

type Checked = z.output<typeof drachtioSchema>;
const FILES = ["ca", "cert", "key"] as const;

/** The keys of a listener that its server needs. */
const OF_THE_SERVER = ["cert", "key", "ca", "crl", "clientCert", "legacy", "origins"] as const;

/** What belongs to the embedded engine alone, and the reason. */
const NOT_WITH_DRACHTIO = {
  registrar: "registrar belongs to the embedded engine: with drachtio-server nobody registers",
  probe: "probe belongs to the embedded engine: drachtio-server does not ask pools how they are",
  defaultRoute:
    "a default route that proxies belongs to the embedded engine: drachtio-server relays nothing but INVITE reliably",
} as const;

interface Surroundings {
  readonly engine: "embedded" | "drachtio";
  readonly drachtio?: Checked | undefined;
  readonly listen: readonly Readonly<Record<string, unknown>>[];
  readonly probe?: unknown;
  readonly registrar?: unknown;
  readonly defaultRoute: unknown;
}

/** What no single setting of the group can tell. @param absolute makes a path absolute */
export function drachtioFindings(checked: Surroundings, absolute: (path: string) => string): Finding[] {
  const { engine, drachtio } = checked;
  const at = (path: (string | number)[], text: string, atKey = false): Finding => ({ path, text, atKey });
  if (engine === "embedded") {
    return drachtio === undefined ? [] : [at(["drachtio"], "the group drachtio belongs to engine: drachtio", true)];
  }
  const found: Finding[] = [];
  checked.listen.forEach((listener, index) => {
    for (const key of OF_THE_SERVER) {
      if (listener[key] === undefined) continue;
      found.push(
        at(["listen", index, key], `${key} of a listener of drachtio-server belongs to drachtio.conf.xml`, true),
      );
    }
  });
  if (checked.registrar !== undefined) found.push(at(["registrar"], NOT_WITH_DRACHTIO.registrar, true));
  if (checked.probe !== undefined) found.push(at(["probe"], NOT_WITH_DRACHTIO.probe, true));
  if (checked.defaultRoute !== "reject") found.push(at(["defaultRoute"], NOT_WITH_DRACHTIO.defaultRoute, true));
  if (drachtio === undefined) {
    found.push(at(["engine"], "engine drachtio needs the group drachtio with servers or listen, and a secret"));
    return found;
  }
  if (drachtio.servers.length === 0 && drachtio.listen === undefined) {
    found.push(at(["drachtio"], "drachtio needs servers to connect to, or listen for servers that connect to us"));
  }
  if (drachtio.listen !== undefined && drachtio.listen.port === undefined) {
    found.push(at(["drachtio", "listen"], "drachtio.listen needs a port, such as 127.0.0.1:9030"));
  }
  if ((drachtio.secret === undefined) === (drachtio.secretFile === undefined)) {
    found.push(
      at(["drachtio"], "drachtio needs one of secret and secretFile: the secret of drachtio-server's <admin>"),
    );
  }
  if (drachtio.secretFile !== undefined && !existsSync(absolute(drachtio.secretFile))) {
    found.push(at(["drachtio", "secretFile"], `there is no file ${absolute(drachtio.secretFile)}`));
  }
  for (const key of FILES) {
    const file = drachtio.tls?.[key];
    if (file !== undefined && !existsSync(absolute(file))) {
      found.push(at(["drachtio", "tls", key], `there is no file ${absolute(file)}`));
    }
  }
  if (drachtio.listen !== undefined && drachtio.tls !== undefined && drachtio.tls.cert === undefined) {
    found.push(at(["drachtio", "tls"], "drachtio.listen with tls needs cert and key"));
  }
  if (drachtio.dnsNames.length > 0 && !checked.listen.some(({ port }) => port === SIP_PORT)) {
    const text =
      "drachtio.dnsNames has an effect only with a listener on port 5060: drachtio-server compares the port as well";
    found.push(at(["drachtio", "dnsNames"], text));
  }
  return found;
}

/** The group as the engine takes it; it has passed {@link drachtioFindings}. */
export function toDrachtioConfig(checked: Checked, absolute: (path: string) => string): DrachtioConfig {
  const { servers, listen, secret, secretFile, tls, dnsNames } = checked;
  const files = FILES.flatMap((key) => (tls?.[key] === undefined ? [] : [[key, absolute(tls[key])]]));
  const servername = tls?.servername === undefined ? {} : { servername: tls.servername };
  return {
    servers: servers.map(({ host, port }) => ({ host, port: port ?? ADMIN_PORT })),
    ...(listen?.port === undefined ? {} : { listen: { host: listen.host, port: listen.port } }),
    ...(secret === undefined ? {} : { secret }),
    ...(secretFile === undefined ? {} : { secretFile: absolute(secretFile) }),
    ...(tls === undefined ? {} : { tls: { ...Object.fromEntries(files), ...servername } }),
    dnsNames,
  };
}
