import { canonicalAddress, hostPort, isWildcard, zoneOf } from "../address.ts";
import { WaypostError } from "../errors.ts";
import { familyOf, type Listener } from "../sip/flow.ts";
import { addressOfThisMachine, explainBindError } from "./explain.ts";
import type { ListenSpec, TransportHandler, TransportOptions, TransportPart } from "./part.ts";
import { bindTcpServer, TcpListener } from "./tcp.ts";
import { TlsKeys } from "./tls/keys.ts";
import { TlsListener } from "./tls/listener.ts";
import type { Turn } from "./turn.ts";
import { type UdpFlow, UdpListener } from "./udp/listener.ts";
import { bindUdpSocket, type UdpBinding, type UdpReceiver } from "./udp/socket.ts";
import { WsListener } from "./ws/listener.ts";

/** What the listeners of one gateway have in common. */
export interface BindContext {
  readonly options: Required<TransportOptions>;
  readonly handler: TransportHandler;
  readonly turn: Turn;
  /** Each TLS listener's keys are put here. */
  readonly keys: Map<Listener, TlsKeys>;
  /** Called when other certificates or revocation lists have come into force. */
  readonly replaced: () => void;
}

/** Binds one address. @throws WaypostError LISTENER_FAILED or CERTIFICATE_INVALID */
export async function bindPart(spec: ListenSpec, context: BindContext): Promise<TransportPart> {
  const { options, handler, turn } = context;
  const where = `${spec.transport} ${hostPort(spec.host, spec.port)}`;
  const failed = (cause: string, error?: unknown): WaypostError =>
    new WaypostError("LISTENER_FAILED", `cannot listen on ${where}: ${cause}`, { cause: error });
  const address = canonicalAddress(spec.host);
  if (address === undefined) throw failed("the host has to be an IP address, not a name");
  const family = familyOf(address);
  const zone = zoneOf(spec.host);
  const describe = (port: number): Listener => ({
    transport: spec.transport,
    family,
    address,
    port,
    advertisedHost: spec.advertisedHost ?? (isWildcard(address) ? addressOfThisMachine(family) : address),
    advertisedPort: spec.advertisedPort ?? port,
    ...(spec.recordRoute === undefined ? {} : { recordRoute: spec.recordRoute }),
  });
  if (spec.transport === "udp") {
    let part: UdpListener | undefined;
    const receiver: UdpReceiver<UdpFlow> = {
      datagram: (bytes, peer, port) => part?.datagram(bytes, peer, port),
      nextBurst: () => part?.nextBurst(),
      unsent: (flow, reason) => part?.unsent(flow, reason),
      error: (reason) => part?.error(reason),
    };
    const { udpBufferBytes, udp } = options;
    const binding: UdpBinding = {
      family,
      address: address + zone,
      port: spec.port,
      bufferBytes: udpBufferBytes,
    };
    const { socket, setback } = await bindUdpSocket(udp, binding, receiver, turn).catch((error) => {
      throw failed(explainBindError(error), error);
    });
    if (setback !== undefined) {
      const detail = `${where}: datagrams are moved one by one, which takes more CPU: ${setback}`;
      setImmediate(() => handler.anomaly?.("udp-one-by-one", detail));
    }
    part = new UdpListener(describe(socket.port), socket, handler, options.admission);
    return part;
  }

  const secure = spec.transport === "tls" || spec.transport === "wss";
  if (secure && spec.tls === undefined) throw failed("it needs a certificate and a key");
  const keys = secure
    ? await TlsKeys.open(spec.tls!, options.tls, {
        replaced: (detail) => {
          handler.notice?.(`${where}: ${detail}`);
          context.replaced();
        },
        refused: (detail) => handler.anomaly?.("certificate-refused", `${where}: ${detail}`),
      })
    : undefined;
  const bound = await bindTcpServer(family, address + zone, spec.port).catch((error) => {
    keys?.close();
    throw failed(explainBindError(error), error);
  });
  const listener = describe(bound.port);
  const setup = { listener, bound, handler, options, turn, zone };
  if (keys !== undefined) context.keys.set(listener, keys);
  switch (spec.transport) {
    case "tcp":
      return new TcpListener(setup);
    case "tls":
      return new TlsListener(setup, keys!);
    default:
      return new WsListener(setup, spec.origins ?? [], keys);
  }
}
