import { createSocket } from "node:dgram";
import { connect } from "node:net";
import { familyOf } from "../sip/flow.ts";

export interface DnsServer {
  /** IP literal without brackets. */
  readonly host: string;
  readonly port?: number;
}

/** What is heard of a server after a query went to it. */
export interface ExchangeUser {
  /** Bytes of one message; whether they answer the query is for the user to find out. */
  message(bytes: Buffer): void;
  /** The server cannot be reached, or closed the connection. Nothing comes after this. */
  failed(): void;
}

const DNS_PORT = 53;

/**
 * Sends a query over UDP from a port of its own, which nobody else can foresee (RFC 5452 §9.2); the kernel keeps
 * datagrams of other hosts away and tells of a port where nobody listens.
 * @returns ends the exchange
 */
export function exchangeUdp(server: DnsServer, query: Buffer, user: ExchangeUser): () => void {
  const socket = createSocket(familyOf(server.host) === 4 ? "udp4" : "udp6");
  let open = true;
  const end = (): void => {
    if (open) socket.close();
    open = false;
  };
  const fail = (): void => {
    if (!open) return;
    end();
    user.failed();
  };
  socket.on("error", fail);
  socket.on("message", (bytes) => {
    if (open) user.message(bytes);
  });
  socket.connect(server.port ?? DNS_PORT, server.host, (error?: Error) => {
    if (error) fail();
    else if (open) socket.send(query);
  });
  return end;
}

/** The same over TCP (RFC 7766), one query per connection. */
export function exchangeTcp(server: DnsServer, query: Buffer, user: ExchangeUser): () => void {
  const socket = connect({ host: server.host, port: server.port ?? DNS_PORT, noDelay: true });
  const length = Buffer.alloc(2);
  length.writeUInt16BE(query.length);
  let received = Buffer.alloc(0);
  let open = true;
  const end = (): void => {
    open = false;
    socket.destroy();
  };
  const fail = (): void => {
    if (!open) return;
    end();
    user.failed();
  };
  socket.on("connect", () => socket.write(Buffer.concat([length, query])));
  socket.on("data", (bytes) => {
    received = Buffer.concat([received, bytes]);
    while (open && received.length >= 2 && received.length >= 2 + received.readUInt16BE(0)) {
      const next = 2 + received.readUInt16BE(0);
      const message = received.subarray(2, next);
      received = received.subarray(next);
      user.message(message);
    }
  });
  socket.on("error", fail);
  socket.on("close", fail);
  return end;
}
