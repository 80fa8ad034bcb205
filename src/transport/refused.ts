import type { Listener, Target, TransportName } from "../sip/flow.ts";
import type { OpenFlow, TransportHandler } from "./part.ts";

/** A flow that never comes about; it says so a turn later, as a connection that fails would. */
export class RefusedFlow implements OpenFlow {
  readonly listener: Listener;
  readonly transport: TransportName;
  readonly remoteAddress: string;
  readonly remotePort: number;
  #open = true;

  constructor(listener: Listener, target: Target, reason: string, handler: TransportHandler) {
    this.listener = listener;
    this.transport = target.transport;
    this.remoteAddress = target.address;
    this.remotePort = target.port;
    setImmediate(() => {
      this.#open = false;
      handler.closed(this, reason);
    });
  }

  get open(): boolean {
    return this.#open;
  }

  send(): void {}
}
