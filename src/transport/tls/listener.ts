import type { Socket } from "node:net";
import { canonicalAddress, hostPort } from "../../address.ts";
import type { Target } from "../../sip/flow.ts";
import { type Connection, StreamConnection } from "../connection.ts";
import { ConnectionListener, type DialOptions, type ListenerSetup, peerKey } from "../connection-listener.ts";
import { explainSocketError } from "../explain.ts";
import type { TlsAcceptor } from "./accept.ts";
import type { TlsDialler } from "./dialler.ts";
import { explainDialled, type Failure } from "./failure.ts";
import type { TlsKeys } from "./keys.ts";

/** SIP over TLS (RFC 3261 §26.2.1, RFC 5922). */
export class TlsListener extends ConnectionListener {
  readonly #acceptor: TlsAcceptor;
  readonly #dialler: TlsDialler;

  constructor(setup: ListenerSetup, keys: TlsKeys) {
    super(setup);
    this.#acceptor = keys.acceptor(setup.options.handshakeTimeoutMs, (peer, failure) =>
      this.handshakeFailed(peer, failure),
    );
    this.#dialler = keys.dialler;
  }

  override stopListening(): void {
    super.stopListening();
    this.#acceptor.close();
  }

  protected override welcome(socket: Socket, address: string, port: number): void {
    this.#acceptor.accept(socket, address, port, (secured, peerNames) => {
      const connection = this.add(new StreamConnection(secured, this, address, port));
      connection.peerNames = peerNames;
    });
  }

  /** A connection that was dialled serves the host it was dialled for; one that was accepted, who it is. */
  protected override reusable(target: Target): Connection | undefined {
    const dialled = this.find(dialKey(target));
    if (dialled !== undefined) return dialled;
    const accepted = this.find(peerKey(target.address, target.port));
    const meant =
      canonicalAddress(target.host) === target.address || accepted?.peerNames?.includes(target.host.toLowerCase());
    return meant ? accepted : undefined;
  }

  protected override dial(target: Target, where: DialOptions): Connection {
    const socket = this.#dialler.dial(target, where);
    const peer = hostPort(target.address, target.port);
    const to = target.host === target.address ? peer : `${target.host} (${peer})`;
    const fail = (failure: Failure): string => {
      this.countFailure(failure.kind);
      return `no TLS connection to ${to}: it ${failure.text}`;
    };
    let connected = false;
    let secured = false;
    socket.once("connect", () => (connected = true));
    const connection = new StreamConnection(socket, this, target.address, target.port, {
      event: "secureConnect",
      judge: (judged) => {
        const verdict = this.#dialler.judge(socket, target.host);
        if ("failure" in verdict) return fail(verdict.failure);
        secured = true;
        judged.peerNames = verdict.names;
        return undefined;
      },
      late: (ms) => {
        if (!connected) return `no connection to ${peer} within ${ms} ms`;
        return fail({ kind: "timeout", text: `did not finish the handshake within ${ms} ms` });
      },
      explain: (error) => {
        const overTls = error.code?.startsWith("ERR_SSL_") || error.code === "EPROTO" || (connected && !secured);
        return overTls ? fail(explainDialled(error)) : explainSocketError(error, peer);
      },
    });
    return this.add(connection, dialKey(target));
  }
}

function dialKey({ address, port, host }: Target): string {
  return `${peerKey(address, port)} ${host.toLowerCase()}`;
}
