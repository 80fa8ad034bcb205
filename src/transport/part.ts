import type { Flow, Listener, Target, TransportName } from "../sip/flow.ts";
import type { FramingErrorKind } from "../sip/framing.ts";
import { ADMIT_ALL, type Admission } from "./admission.ts";
import type { Moderation } from "./moderation.ts";
import type { HandshakeFailure } from "./tls/failure.ts";
import type { TlsListenSettings, TlsOutboundSettings } from "./tls/settings.ts";
import type { UdpForm } from "./udp/socket.ts";

/** Who gets what the sockets bring. None of these is ever called from within a call to `Transports`. */
export interface TransportHandler {
  /** One whole SIP message (TCP) or one datagram (UDP). The bytes are good until this returns. */
  received(bytes: Buffer, flow: Flow): void;
  /** What comes until it is called again, with false, came at once. */
  burst?(begins: boolean): void;
  /**
   * A connection ended or never came about: once for each, with a reason for people. For UDP: a datagram could
   * not be sent; the flow object stays usable.
   */
  closed(flow: Flow, reason: string): void;
  /** Something odd that an operator may want in the log; counted in `stats` as well. */
  anomaly?(kind: AnomalyKind, detail: string): void;
  /** Something that went as it should and that an operator wants to know: a certificate was replaced. */
  notice?(detail: string): void;
}

export type AnomalyKind =
  /** A connection's bytes were no SIP; it was closed. */
  | "framing"
  /** A connection was turned away since the listener has as many as it may. */
  | "connections-full"
  /** A connection was turned away because of who it came from: a banned address, or one with too many of them. */
  | "turned-away"
  /** A connection was closed since its peer takes too long for a message. */
  | "slow-sender"
  /** The kernel reported an error on a listening socket; it goes on. */
  | "listener-error"
  /** Datagrams were dropped since the kernel does not take them fast enough. */
  | "udp-send-queue-full"
  /** The kernel dropped datagrams since they were not read fast enough. */
  | "udp-receive-drops"
  /** UDP datagrams are moved one by one although they were to be moved in bursts. */
  | "udp-one-by-one"
  /** An accepted connection did not get through its TLS or WebSocket handshake, or showed a certificate that proves nothing. */
  | "handshake"
  /** A changed certificate, key, CA or CRL was refused; the old one serves. */
  | "certificate-refused"
  /** A certificate or CRL in use expires soon, or has expired. */
  | "certificate-expires";

/** Limits and sizes; each has a default. */
export interface TransportOptions {
  /** Accepted connections per listener (those in a handshake included), and again as many dialled ones. Default 10000. */
  readonly maxConnections?: number;
  /** Bytes of one message on a stream, head and body. Default 65536. */
  readonly maxMessageBytes?: number;
  /** Bytes of a message's head on a stream. Default 65536. */
  readonly maxHeadBytes?: number;
  /** A connection without a byte in either direction for this long is closed. 0 = never. Default 3600 s. */
  readonly idleSeconds?: number;
  /** A message that has begun must be here as a whole after this long, or its connection is closed. Default 30 s. */
  readonly messageSeconds?: number;
  /** Bytes that may wait for one peer, also while its connection is being set up. Default 4 MiB. */
  readonly maxQueuedBytes?: number;
  /** For a connection that we dial to come about, TLS handshake included. Default 5000 ms. */
  readonly connectTimeoutMs?: number;
  /** For the TLS handshake of an accepted connection, and again for that of a WebSocket. Default 10000 ms. */
  readonly handshakeTimeoutMs?: number;
  /** A WebSocket client is asked for a sign of life after so many quiet seconds. Default 30. */
  readonly pingSeconds?: number;
  /** How long `close` lets connections flush what is queued. Default 1000 ms. */
  readonly closeGraceMs?: number;
  /** Kernel buffers of each UDP socket; the kernel may grant less. Default 4 MiB. */
  readonly udpBufferBytes?: number;
  /** How datagrams are moved. Default `auto`: in bursts where the system lets us, else one by one. */
  readonly udp?: UdpForm;
  /** Puts turns off for a moment so that more comes in each. Default: none are. */
  readonly moderation?: Moderation | undefined;
  /** How TLS connections are dialled. Default: full verification, with the files of the listener that dials. */
  readonly tls?: TlsOutboundSettings;
  /** Who gets in. Default: everybody. */
  readonly admission?: Admission;
}

export const DEFAULTS: Required<TransportOptions> = {
  maxConnections: 10_000,
  maxMessageBytes: 65_536,
  maxHeadBytes: 65_536,
  idleSeconds: 3600,
  messageSeconds: 30,
  maxQueuedBytes: 4 * 1024 * 1024,
  connectTimeoutMs: 5000,
  handshakeTimeoutMs: 10_000,
  pingSeconds: 30,
  closeGraceMs: 1000,
  udpBufferBytes: 4 * 1024 * 1024,
  udp: "auto",
  moderation: undefined,
  tls: {},
  admission: ADMIT_ALL,
};

/** One address to listen on, as the configuration gives it. */
export interface ListenSpec {
  readonly transport: TransportName;
  /** IP literal, with or without brackets; `0.0.0.0` and `::` may stand side by side. Names are refused. */
  readonly host: string;
  /** 0 lets the system choose. */
  readonly port: number;
  /** Default: the bound address, or for a wildcard the machine's first outward address. */
  readonly advertisedHost?: string;
  /** Default: the bound port. */
  readonly advertisedPort?: number;
  /** The shared name for Record-Route; see {@link Listener}. */
  readonly recordRoute?: string;
  /** For `tls` and `wss`, and only for them. */
  readonly tls?: TlsListenSettings;
  /** For `ws` and `wss`: web origins whose pages may connect, such as `https://chat.contoso.com`; `*` is all. Default none. */
  readonly origins?: readonly string[];
}

/** What one listener has done since it was bound. All but `connections` only grow. */
export interface ListenerStats {
  readonly listener: Listener;
  messagesIn: number;
  messagesOut: number;
  /** CRLF keepalives, answered (TCP) or swallowed (UDP). */
  keepalives: number;
  /** Sends that failed, or that came for a flow already closed. */
  sendFailures: number;
  /** Datagrams that the kernel dropped, its receive buffer being full; looked up every few seconds. */
  kernelDrops: number;
  /** Open or being set up, now. */
  connections: number;
  accepted: number;
  dialled: number;
  /** Connections turned away, or not dialled, at the limit. */
  refused: number;
  /** Connections turned away because of who they came from. */
  turnedAway: number;
  /** Messages dropped unread, or answered unread with a refusal, and how often a connection was paused. */
  dropped: number;
  answeredUnread: number;
  paused: number;
  /** Connections closed since a message took too long. */
  slowClosed: number;
  idleClosed: number;
  /** Connections closed since the peer did not read. */
  queueOverflows: number;
  framingErrors: Partial<Record<FramingErrorKind, number>>;
  /** TLS and WebSocket handshakes that failed, accepted and dialled ones together. */
  handshakeFailures: Partial<Record<HandshakeFailure, number>>;
}

export function newStats(listener: Listener): ListenerStats {
  return {
    listener,
    messagesIn: 0,
    messagesOut: 0,
    keepalives: 0,
    sendFailures: 0,
    kernelDrops: 0,
    connections: 0,
    accepted: 0,
    dialled: 0,
    refused: 0,
    turnedAway: 0,
    dropped: 0,
    answeredUnread: 0,
    paused: 0,
    slowClosed: 0,
    idleClosed: 0,
    queueOverflows: 0,
    framingErrors: {},
    handshakeFailures: {},
  };
}

/** A message to be sent: bytes, or text of which each character is one byte (latin1). */
export type Message = Buffer | string;

export function asBytes(message: Message): Buffer {
  return typeof message === "string" ? Buffer.from(message, "latin1") : message;
}

/** What every flow of ours can do besides being a Flow. */
export interface OpenFlow extends Flow {
  /** Never throws, never calls the handler before it returns. */
  send(message: Message): void;
}

/** One bound listener of any transport. */
export interface TransportPart {
  readonly listener: Listener;
  readonly stats: ListenerStats;
  /** Lets bytes in. Nothing reaches the handler before. */
  start(): void;
  /** The target's address is an IP literal in canonical spelling, of this listener's transport and family. */
  connect(target: Target, zone: string): OpenFlow;
  /** Looks for idle connections; `now` in milliseconds of a monotonic clock. */
  sweep(now: number): void;
  /** No new connections; what is open, or in a handshake, goes on. Another process accepts in our place. */
  stopAccepting(): void;
  /** No new connections, and no handshakes; what is open goes on. */
  stopListening(): void;
  /** Ends every connection after what was sent on it; what comes over one is not looked at any more. */
  hangUp(): void;
  close(): Promise<void>;
}
