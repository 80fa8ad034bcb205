import type { Flow, Listener } from "../../sip/flow.ts";
import type { Transports } from "../../transport/transports.ts";

/** Flows whose names are remembered; when there are more, all are forgotten. */
const MOST_REMEMBERED = 10_000;

/** What a listener is known by in every process: transport, bound address, port. */
export type ListenerName = readonly [transport: string, address: string, port: number];

/** Names of UDP flows, so that another process can answer on its own socket. Peers come again and again. */
export class DatagramFlows {
  readonly #transports: Transports;
  readonly #names = new WeakMap<Flow, Buffer>();
  readonly #flows = new Map<string, Flow>();

  constructor(transports: Transports) {
    this.#transports = transports;
  }

  nameOf(flow: Flow): Buffer {
    let name = this.#names.get(flow);
    if (name === undefined) {
      const { listener, remoteAddress, remotePort } = flow;
      const zone = (flow as { zone?: string }).zone ?? "";
      const text = `${listener.transport} ${listener.address} ${listener.port} ${remoteAddress}${zone} ${remotePort}`;
      name = Buffer.from(text, "latin1");
      this.#names.set(flow, name);
    }
    return name;
  }

  flowOf(name: string): Flow {
    const known = this.#flows.get(name);
    if (known?.open) return known;
    const [transport = "", bound = "", boundPort, address = "", port] = name.split(" ");
    const listener = similarListener(this.#transports, [transport, bound, Number(boundPort)]);
    const flow = this.#transports.connect({ transport: "udp", address, port: Number(port), host: address }, listener);
    if (this.#flows.size >= MOST_REMEMBERED) this.#flows.clear();
    this.#flows.set(name, flow);
    return flow;
  }
}

/** Our listener of that name; between an old configuration and a new one, the most similar one. */
export function similarListener({ listeners }: Transports, [transport, address, port]: ListenerName): Listener {
  const same = listeners.filter((listener) => listener.transport === transport);
  return same.find((l) => l.address === address && l.port === port) ?? same[0] ?? listeners[0]!;
}
