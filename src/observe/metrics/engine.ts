import type { Registry } from "prom-client";
import type { Listener, Target } from "../../sip/flow.ts";
import { counter, gauge } from "./parts.ts";

/** What a listener has done; all but `connections` only grow. */
export interface ObservedListener {
  readonly listener: Listener;
  readonly connections: number;
  readonly accepted: number;
  readonly dialled: number;
  readonly refused: number;
  readonly idleClosed: number;
  readonly queueOverflows: number;
  readonly keepalives: number;
  readonly sendFailures: number;
  readonly framingErrors: Partial<Record<string, number>>;
  readonly handshakeFailures: Partial<Record<string, number>>;
}

export interface ObservedAddress {
  readonly target: Target;
  readonly observed: string;
}

/** One of the tables that hold what is remembered for a while. */
export interface ObservedTable {
  readonly name: string;
  readonly entries: number;
  /** The most there may be; absent where another table's bound is its own too. */
  readonly bound?: number;
}

/** What an engine shows of itself. */
export interface ObservedEngine {
  readonly tables: readonly ObservedTable[];
  readonly unanswered: number;
  readonly load: { readonly serverTransactions: number; readonly clientTransactions: number };
  readonly listenerStats: readonly ObservedListener[];
  describePools(): readonly ObservedAddress[];
}

/** Addresses that have a series; of more, the first by name. */
const MAX_ADDRESSES = 1000;

/** Transactions, connections, and how the addresses of the pools fare. */
export function engineMetrics(registry: Registry, engine: ObservedEngine): void {
  gauge(
    registry,
    { name: "waypost_transactions", help: "SIP transactions held at the moment", labels: ["side"] },
    (put) => {
      put(engine.load.serverTransactions, "server");
      put(engine.load.clientTransactions, "client");
    },
  );
  gauge(registry, { name: "waypost_table_entries", help: "Entries of a table in memory", labels: ["table"] }, (put) => {
    for (const { name, entries } of engine.tables) put(entries, name);
  });
  gauge(registry, { name: "waypost_table_bound", help: "The most entries of that table", labels: ["table"] }, (put) => {
    for (const { name, bound } of engine.tables) if (bound !== undefined) put(bound, name);
  });
  gauge(
    registry,
    { name: "waypost_unanswered_requests", help: "Proxied requests that wait for their final answer" },
    (put) => put(engine.unanswered),
  );
  gauge(
    registry,
    { name: "waypost_connections", help: "Connections open or being set up", labels: ["listener"] },
    (put) => {
      for (const stats of engine.listenerStats) put(stats.connections, nameOf(stats.listener));
    },
  );
  counter(
    registry,
    {
      name: "waypost_connections_total",
      help: "Connections, by what became of them",
      labels: ["listener", "event"],
    },
    (put) => {
      for (const stats of engine.listenerStats) {
        const name = nameOf(stats.listener);
        put(stats.accepted, name, "accepted");
        put(stats.dialled, name, "dialled");
        put(stats.refused, name, "refused");
        put(stats.idleClosed, name, "idle-closed");
        put(stats.queueOverflows, name, "queue-overflow");
      }
    },
  );
  counter(
    registry,
    { name: "waypost_keepalives_total", help: "CRLF keepalives of clients", labels: ["listener"] },
    (put) => {
      for (const stats of engine.listenerStats) put(stats.keepalives, nameOf(stats.listener));
    },
  );
  counter(
    registry,
    {
      name: "waypost_transport_faults_total",
      help: "What went wrong on the wire below SIP",
      labels: ["listener", "fault"],
    },
    (put) => {
      for (const stats of engine.listenerStats) {
        const name = nameOf(stats.listener);
        put(stats.sendFailures, name, "send");
        for (const [kind, count] of Object.entries(stats.framingErrors)) put(count ?? 0, name, `framing-${kind}`);
        for (const [kind, count] of Object.entries(stats.handshakeFailures)) put(count ?? 0, name, `handshake-${kind}`);
      }
    },
  );
  gauge(
    registry,
    {
      name: "waypost_pool_address_up",
      help: "1 for an address of a pool that works as far as is known, else 0",
      labels: ["pool", "address"],
      aggregator: "min",
    },
    (put) => {
      for (const { target, observed } of engine.describePools().slice(0, MAX_ADDRESSES)) {
        const { host, transport, address, port } = target;
        put(observed === "up" ? 1 : 0, host, `${transport}:${bracketed(address)}:${port}`);
      }
    },
  );
}

function nameOf({ transport, address, port }: Listener): string {
  return `${transport}:${bracketed(address)}:${port}`;
}

function bracketed(address: string): string {
  return address.includes(":") ? `[${address}]` : address;
}
