import { readFileSync } from "node:fs";
import { Cluster, type ClusterOptions, Redis, type RedisOptions } from "ioredis";
import type { RedisAccess, RedisNode, RedisTls } from "./access.ts";

/** A single server or a Cluster: what a store calls is the same on both. */
export type RedisConnection = Redis | Cluster;

/**
 * Opens a connection; it is made in the background, and made again whenever it is lost, until `disconnect()`.
 *
 * ioredis by default keeps commands in a queue while it is offline, and sends them again after a reconnect: a change
 * that a person gave up long ago would then still happen. Here a command goes out at once or fails at once, it fails
 * when its answer is late, and none is ever sent twice.
 * @param silenceMs after which a connection with an unanswered command counts as dead
 * @param failed is told why a connection could not be made or was lost
 */
export function openLink(access: RedisAccess, silenceMs: number, failed: (error: Error) => void): RedisConnection {
  const { server } = access;
  const common = commonOptions(access, silenceMs);
  if (server.kind === "cluster") {
    const { retryStrategy: _retry, enableOfflineQueue: _queue, ...redisOptions } = common;
    const options: ClusterOptions & { redisOptions: { replyMapping: "legacy" } } = {
      enableOfflineQueue: false,
      redisOptions,
      clusterRetryStrategy: retryMs,
      clusterNodeRetryStrategy: retryMs,
      slotsRefreshTimeout: silenceMs,
      slotsRefreshInterval: 5000,
      // A certificate is for a name; Node gets it as it was written.
      ...(access.tls && { dnsLookup: (host, done) => done(null, host) }),
    };
    const cluster = new Cluster(server.nodes.map(toNode), options);
    cluster.on("error", (error: Error & { lastNodeError?: Error }) => failed(error.lastNodeError ?? error));
    cluster.on("node error", failed);
    return cluster;
  }
  const redis = new LastingRedis({ ...common, ...placeOptions(access), db: server.db });
  redis.on("error", failed);
  redis.on("reconnecting", () => {
    try {
      // ioredis takes the password from its options at each connect.
      redis.options.password = credentials(access).password;
    } catch (error) {
      failed(error as Error);
    }
  });
  return redis;
}

/**
 * A connection that ends by `disconnect()` only. ioredis gives one up for good when the Sentinels announce a failover
 * while it is being made.
 */
class LastingRedis extends Redis {
  #isWanted = true;

  constructor(options: RedisOptions & { replyMapping: "legacy" }) {
    super(options);
    this.on("end", () => {
      if (this.#isWanted) setTimeout(() => this.#connectAgain(), retryMs(1));
    });
  }

  override disconnect(reconnect = false): void {
    if (!reconnect) this.#isWanted = false;
    super.disconnect(reconnect);
  }

  #connectAgain(): void {
    // What goes wrong is told by the event "error" too.
    if (this.#isWanted && this.status === "end") this.connect().catch(() => undefined);
  }
}

/** Waits until commands can be sent. @throws the reason when that is not so in time */
export async function whenReady(link: RedisConnection, waitMs: number, reason: () => Error | undefined): Promise<void> {
  if (link.status === "ready") {
    return;
  }
  await new Promise<void>((resolve, reject) => {
    const late = () => done(reason() ?? new Error("it does not answer"));
    const timer = setTimeout(late, waitMs);
    const ready = () => done();
    const end = () => done(reason() ?? new Error("the connection is closed"));
    const done = (error?: Error) => {
      clearTimeout(timer);
      link.off("ready", ready);
      link.off("end", end);
      error === undefined ? resolve() : reject(error);
    };
    link.on("ready", ready);
    link.on("end", end);
  });
}

/**
 * Soon at first, and never longer than half of what a change waits for Redis (2 s): one that comes right after its return
 * is not to be refused because nobody has looked yet. Some randomness keeps gateways apart.
 */
function retryMs(times: number): number {
  return Math.min(50 * 2 ** Math.min(times - 1, 6), 1000) + Math.floor(Math.random() * 100);
}

function commonOptions(access: RedisAccess, silenceMs: number) {
  return {
    ...credentials(access),
    // RESP2 is understood by every server and proxy, and nothing here needs RESP3.
    protocol: 2,
    replyMapping: "legacy",
    connectionName: "waypost",
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    connectTimeout: silenceMs,
    commandTimeout: silenceMs,
    // Later, so that what is refused meanwhile is told as what it is, a silence, and not as a lost connection.
    socketTimeout: silenceMs + 500,
    retryStrategy: retryMs,
    // After a failover without us noticing, the old primary is a replica: look for the new one.
    reconnectOnError: (error) => error.message.startsWith("READONLY"),
    ...(access.tls && { tls: tlsOptions(access.tls) }),
  } satisfies RedisOptions;
}

function placeOptions({ server, tls }: RedisAccess): Omit<RedisOptions, "replyMapping"> {
  if (server.kind !== "sentinel") {
    return server.kind === "standalone" ? { host: server.node.host, port: server.node.port } : {};
  }
  const { username, password } = credentials(server);
  return {
    name: server.name,
    sentinels: server.nodes.map(toNode),
    sentinelRetryStrategy: retryMs,
    sentinelCommandTimeout: 2000,
    failoverDetector: true,
    ...(username === undefined ? undefined : { sentinelUsername: username }),
    ...(password === undefined ? undefined : { sentinelPassword: password }),
    ...(tls && { enableTLSForSentinelMode: true, sentinelTLS: tlsOptions(tls) }),
  };
}

/** A copy that ioredis may change. */
function toNode({ host, port }: RedisNode): { host: string; port: number } {
  return { host, port };
}

type Credentials = Pick<RedisAccess, "username" | "password" | "passwordFile">;

function credentials({ username, password, passwordFile }: Credentials): { username?: string; password?: string } {
  const secret = passwordFile === undefined ? password : readFileSync(passwordFile, "utf8").split(/\r?\n/, 1)[0];
  return {
    ...(username === undefined ? undefined : { username }),
    ...(secret === undefined ? undefined : { password: secret }),
  };
}

function tlsOptions({ ca, cert, key, servername }: RedisTls): NonNullable<RedisOptions["tls"]> {
  return {
    ...(ca === undefined ? undefined : { ca: readFileSync(ca) }),
    ...(cert === undefined ? undefined : { cert: readFileSync(cert) }),
    ...(key === undefined ? undefined : { key: readFileSync(key) }),
    ...(servername === undefined ? undefined : { servername }),
  };
}
