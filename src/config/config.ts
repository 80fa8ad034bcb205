import type { RedisAccess } from "../endpoints/redis/access.ts";
import type { TrustRule } from "../guard/trust.ts";
import type { Target, TransportName } from "../sip/flow.ts";
import type { TlsListenSettings, TlsOutboundSettings } from "../transport/tls/settings.ts";

/** The configuration in force: validated, complete with its defaults, every path absolute, frozen. */
export interface Config {
  /** Absolute path of the file it came from. */
  readonly file: string;
  /** True when nothing was named and nothing found, so that it is the sample which comes with the package. */
  readonly isSample: boolean;
  readonly listen: readonly ListenConfig[];
  /** How TLS connections are dialled. */
  readonly tls: TlsOutboundSettings;
  /** How UDP datagrams are moved: one by one, in bursts, or in bursts where the system lets us. */
  readonly udp: "auto" | "dgram" | "batched";
  readonly engine: "embedded" | "drachtio";
  /** Present with engine drachtio. Then `listen` says where drachtio-server listens; this process binds none of it. */
  readonly drachtio?: DrachtioConfig;
  readonly store: StoreConfig;
  /** Absolute path of the file with the keys for our Record-Route tokens; made when missing. */
  readonly routeKeys: string;
  readonly resolve: ResolveConfig;
  /** What happens to a request for an address that is no endpoint. */
  readonly defaultRoute: "reject" | { readonly proxy: string };
  /** Where the administration is served; absent = nowhere. */
  readonly admin?: AdminConfig | undefined;
  /** Where the gateway registers itself for rows that ask for it. */
  readonly registrar?: RegistrarConfig | undefined;
  readonly log: { readonly level: LogLevel };
  readonly edit: EditConfig;
  readonly limits: LimitsConfig;
  readonly drain: DrainConfig;
  /** How many processes serve. */
  readonly workers: number;
  readonly timers: TimersConfig;
  readonly failover: FailoverConfig;
  /** How addresses are probed with OPTIONS; absent = they are not. */
  readonly probe?: ProbeConfig | undefined;
}

export interface ListenConfig {
  readonly transport: TransportName;
  /** IP literal without brackets; may be the wildcard. */
  readonly host: string;
  /** 0 = any free port. */
  readonly port: number;
  /** The name under which others reach this listener; absent = the bound address. */
  readonly advertise?: HostPort;
  /** The name without port that Record-Route carries, where several gateways share one. */
  readonly recordRoute?: string;
  /** Of tls and wss listeners. */
  readonly tls?: TlsListenSettings;
  /** Web origins whose pages may connect to a ws or wss listener; `*` is all, absent is none. */
  readonly origins?: readonly string[];
  /** Absent = everybody is trusted. */
  readonly trust?: TrustRule;
}

/** A host (name or IP literal without brackets) with the port that was written, if any. */
export interface HostPort {
  readonly host: string;
  readonly port?: number;
}

/** How drachtio-servers are driven. */
export interface DrachtioConfig {
  /** The servers that we connect to, by their admin ports. */
  readonly servers: readonly { readonly host: string; readonly port: number }[];
  /** Where servers connect to us, one connection for each request. */
  readonly listen?: { readonly host: string; readonly port: number };
  /** The secret of their `<admin>`, or the file that has it as its first line. One of both is there. */
  readonly secret?: string;
  readonly secretFile?: string;
  /** TLS of the control connections; paths are absolute. Absent = plain TCP. */
  readonly tls?: {
    readonly ca?: string;
    readonly cert?: string;
    readonly key?: string;
    readonly servername?: string;
  };
  /** The `dns-names` of their contacts: hosts for which they put the pool into the Request-URI. */
  readonly dnsNames: readonly string[];
}

export type StoreConfig = FileStoreConfig | RedisStoreConfig;

export interface FileStoreConfig {
  readonly kind: "file";
  readonly path: string;
  /** How many changes the history keeps. */
  readonly history: number;
}

export interface RedisStoreConfig {
  readonly kind: "redis";
  readonly access: RedisAccess;
  readonly history: number;
  /** Absolute path of the last good table on this machine. */
  readonly copy: string;
}

export interface ResolveConfig {
  /** Host name in lower case to the targets that stand ahead of DNS, in their order. */
  readonly hosts: ReadonlyMap<string, readonly Target[]>;
  /** DNS servers; empty = the system's. */
  readonly servers: readonly HostPort[];
}

export type LogLevel = "trace" | "debug" | "info" | "warn" | "error" | "fatal" | "silent";

/** How the gateway registers itself as the well-known user (RFC 3261 §10). */
export interface RegistrarConfig {
  /** SIP URI to which REGISTER goes; absent = the domain of each address. */
  readonly server?: string;
  /** Of the digest credentials; absent = the user part of each address. */
  readonly username?: string;
  readonly password?: string;
  /** Absolute path; the first line is the password. */
  readonly passwordFile?: string;
  /** Only challenges of this realm are answered; absent = of any. */
  readonly realm?: string;
  /** Digest algorithms that may be used (RFC 8760). */
  readonly algorithms: readonly DigestAlgorithm[];
  /** How long a registration is asked for. */
  readonly expiresSeconds: number;
}

export type DigestAlgorithm = "SHA-512-256" | "SHA-256" | "MD5";

/** The HTTP server for operators: health, metrics, callers. */
export interface AdminConfig {
  /** Names by which it may be asked for besides its own. */
  readonly names: readonly string[];
  /** IP literal without brackets. */
  readonly host: string;
  /** 0 = any free port. */
  readonly port: number;
  /** Rows of the table up to which each has series of its own in the metrics. */
  readonly endpointSeries: number;
  /** Callers of legacy addresses that are remembered. */
  readonly callers: number;
}

/** What is asked of a change of the table before it is made. */
export interface EditConfig {
  /** Whether a pool that an endpoint is pointed at must answer. */
  readonly probePool: boolean;
  /** How long each step of that may take. */
  readonly probeSeconds: number;
}

export interface LimitsConfig {
  /** Connections (TCP) that may be open at once, both directions together. */
  readonly maxConnections: number;
  /** Bytes of one SIP message, head and body together. */
  readonly maxMessageBytes: number;
  /** Bytes of one request over UDP; a larger one goes over TCP (RFC 3261 §18.1.1). */
  readonly maxUdpRequestBytes: number;
  /** Seconds without a byte after which a connection is closed. */
  readonly idleSeconds: number;
  /** Seconds after which a message that has begun must be here as a whole. */
  readonly messageSeconds: number;
  /** Messages per second of one source; twice as many at once. 0 = any number. */
  readonly messagesPerSecond: number;
  readonly connectionsPerSource: number;
  /** Offences within a minute that ban a source; 0 = never. */
  readonly banAfter: number;
  readonly banSeconds: number;
  /** Server transactions at once. */
  readonly maxTransactions: number;
  /** Requests that open something and are proxied, per second; 0 = any number. */
  readonly newPerSecond: number;
  /** Delay of the event loop that counts as overload; 0 = never overloaded. */
  readonly overloadDelayMs: number;
}

export interface DrainConfig {
  /** How long a gateway that stops waits for what is under way. */
  readonly seconds: number;
  /** How long a process in whose place others serve keeps its connections. */
  readonly replacedSeconds: number;
}

/** All in milliseconds. */
export interface TimersConfig {
  /** How long a connection may take to be set up. */
  readonly connectMs: number;
  /** How long a candidate may stay silent while another one is left. */
  readonly firstResponseMs: number;
  /** How long the next hop of a request inside a dialog may stay silent. */
  readonly inDialogResponseMs: number;
  /** Timer C: how long an INVITE may ring (RFC 3261 §16.6 step 11). */
  readonly ringingMs: number;
}

/** How long an address that failed is tried last (src/locate/health.ts). */
export interface FailoverConfig {
  /** The first time; doubled with each failure after that. */
  readonly holdSeconds: number;
  readonly maxHoldSeconds: number;
  /** The longest that a 503's Retry-After is followed. */
  readonly maxRetryAfterSeconds: number;
}

export interface ProbeConfig {
  readonly intervalSeconds: number;
  /** How long an OPTIONS may stay unanswered. */
  readonly timeoutMs: number;
  /** Failures in a row that take an address down, answers in a row that bring it back. */
  readonly downAfter: number;
  readonly upAfter: number;
}
