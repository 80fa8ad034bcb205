import { z } from "zod";
import { hostNameFault, isIpLiteral } from "../endpoints/host.ts";
import type { Target } from "../sip/flow.ts";
import { drachtioSchema } from "./drachtio.ts";
import { parseHostPort, parseIpPort, parseTarget } from "./host-port.ts";
import { registrarSchema } from "./registrar.ts";
import { count, GROUP, nextHopUri, parsed } from "./schema-parts.ts";
import { storeSchema } from "./store.ts";
import { outboundTls, secureListenerKeys } from "./tls.ts";
import { trustKeys } from "./trust.ts";

/**
 * The keys of the configuration file, their checks and defaults. Each check's message begins with "must be", or is a
 * whole sentence where it comes from a `refine` or a transform; schema-findings.ts makes the rest.
 */

function port(least: 0 | 1) {
  const message = `must be a whole number from ${least} to 65535`;
  return z.int(message).min(least, message).max(65535, message);
}

const ipHost = parsed("an IP address such as 127.0.0.1 or 0.0.0.0", (text) => {
  const host = text.startsWith("[") && text.endsWith("]") ? text.slice(1, -1) : text;
  if (!isIpLiteral(host)) {
    throw new Error("is no IP address; a listener is bound to one, such as 127.0.0.1 or 0.0.0.0");
  }
  return host;
});

const sharedName = parsed("a host name without port, such as gw.contoso.com", (text) => {
  const fault = hostNameFault(text);
  if (fault !== undefined) {
    throw new Error(`${fault}; it has to be a name without a port`);
  }
  return text;
});

const listener = z.strictObject(
  {
    transport: z.enum(["udp", "tcp", "tls", "ws", "wss"]),
    host: ipHost,
    port: port(0),
    advertise: parsed("a host or host:port", parseHostPort).optional(),
    recordRoute: sharedName.optional(),
    ...secureListenerKeys,
    ...trustKeys,
  },
  GROUP,
);

const TARGETS = 'must be a list of targets such as ["tcp:192.0.2.10:5060"]';

const staticHosts = z
  .record(z.string(), z.array(z.string(TARGETS), TARGETS).min(1, TARGETS), "must be a group of host names")
  .transform((hosts, context) => {
    const result = new Map<string, readonly Target[]>();
    const refuse = (path: (string | number)[], message: string) =>
      context.issues.push({ code: "custom", message, path, input: hosts });
    for (const [name, texts] of Object.entries(hosts)) {
      const lower = name.toLowerCase();
      const fault = hostNameFault(name);
      if (fault !== undefined) {
        refuse([name], `host name "${name}" ${fault}`);
      }
      if (result.has(lower)) {
        refuse([name], `host name "${name}" stands here twice`);
      }
      const targets = texts.flatMap((text, index) => {
        try {
          const target = parseTarget(text.trim(), lower);
          if (target.transport !== "ws" && target.transport !== "wss") {
            return target;
          }
          refuse([name, index], `"${text}" cannot be dialled: WebSocket is for clients that come to us`);
        } catch (error) {
          refuse([name, index], `"${text}" ${(error as Error).message}`);
        }
        return [];
      });
      result.set(lower, targets);
    }
    return result;
  });

export const configSchema = z.strictObject(
  {
    listen: z.array(listener, "must be a list of listeners").min(1, "must be a list of at least one listener"),
    tls: outboundTls.prefault({}),
    udp: z.enum(["auto", "dgram", "batched"]).default("auto"),
    engine: z.enum(["embedded", "drachtio"]).default("embedded"),
    drachtio: drachtioSchema.optional(),
    store: storeSchema.prefault({}),
    routeKeys: z.string("must be a path").min(1, "must be a path").default("waypost.keys"),
    resolve: z
      .strictObject(
        {
          hosts: staticHosts.prefault({}),
          servers: z.array(parsed("ip or ip:port", parseIpPort), "must be a list of DNS servers").default([]),
        },
        GROUP,
      )
      .prefault({}),
    defaultRoute: z
      .union(
        [z.literal("reject"), z.strictObject({ proxy: nextHopUri }, GROUP)],
        'must be reject or { proxy: "sip:…" }',
      )
      .default("reject"),
    admin: z
      .strictObject(
        {
          host: ipHost.prefault("127.0.0.1"),
          port: port(0).default(8060),
          names: z.array(sharedName, "must be a list of host names").default([]),
          endpointSeries: count(0, 100_000, "endpoints").default(2000),
          callers: count(0, 1_000_000, "callers").default(10_000),
        },
        GROUP,
      )
      .optional(),
    registrar: registrarSchema.optional(),
    log: z
      .strictObject(
        { level: z.enum(["trace", "debug", "info", "warn", "error", "fatal", "silent"]).default("info") },
        GROUP,
      )
      .prefault({}),
    edit: z
      .strictObject(
        {
          probePool: z.boolean("must be true or false").default(true),
          probeSeconds: count(1, 60, "seconds").default(3),
        },
        GROUP,
      )
      .prefault({}),
    limits: z
      .strictObject(
        {
          maxConnections: count(1, 1_000_000, "connections").default(20_000),
          maxMessageBytes: count(1024, 16_777_216, "bytes").default(262_144),
          maxUdpRequestBytes: count(500, 65_507, "bytes").default(1300),
          idleSeconds: count(1, 604_800, "seconds").default(900),
          messageSeconds: count(1, 3600, "seconds").default(30),
          messagesPerSecond: count(0, 1_000_000, "messages").default(2000),
          connectionsPerSource: count(1, 1_000_000, "connections").default(1000),
          banAfter: count(0, 1000, "offences").default(10),
          banSeconds: count(1, 604_800, "seconds").default(300),
          maxTransactions: count(100, 10_000_000, "transactions").default(500_000),
          newPerSecond: count(0, 1_000_000, "requests").default(0),
          overloadDelayMs: count(0, 10_000, "milliseconds").default(400),
        },
        GROUP,
      )
      .prefault({}),
    drain: z
      .strictObject(
        { seconds: count(0, 3600, "seconds").default(30), replacedSeconds: count(0, 86_400, "seconds").default(300) },
        GROUP,
      )
      .prefault({}),
    workers: z
      .union([z.literal("auto"), z.int().min(1).max(64)], "must be auto or a whole number from 1 to 64")
      .default(1),
    timers: z
      .strictObject(
        {
          connectMs: count(50, 60_000, "milliseconds").default(2000),
          firstResponseMs: count(50, 60_000, "milliseconds").default(4000),
          inDialogResponseMs: count(50, 60_000, "milliseconds").default(10_000),
          // RFC 3261 §16.6 step 11: Timer C must be larger than 3 minutes.
          ringingMs: count(1000, 3_600_000, "milliseconds").default(181_000),
        },
        GROUP,
      )
      .prefault({}),
    failover: z
      .strictObject(
        {
          holdSeconds: count(1, 3600, "seconds").default(2),
          maxHoldSeconds: count(1, 86_400, "seconds").default(60),
          maxRetryAfterSeconds: count(1, 86_400, "seconds").default(300),
        },
        GROUP,
      )
      .prefault({}),
    probe: z
      .strictObject(
        {
          intervalSeconds: count(1, 3600, "seconds").default(10),
          timeoutMs: count(50, 60_000, "milliseconds").default(1500),
          downAfter: count(1, 100, "failures").default(3),
          upAfter: count(1, 100, "answers").default(2),
        },
        GROUP,
      )
      .optional(),
  },
  GROUP,
);
