import { type Channel, channel } from "node:diagnostics_channel";
import type { BranchFailed, CoreEvent, MessageDropped, RequestFinished } from "../sip/event.ts";
import type { Flow, Listener } from "../sip/flow.ts";

/** A message as it passed a socket. The bytes are not the tap's to change or to keep. */
export interface MessagePassed {
  readonly type: "message";
  readonly direction: "received" | "sent";
  readonly source: Flow;
  readonly bytes: Buffer;
}

/** A registration of ours at a registrar has changed, or an attempt was made. */
export interface RegistrationChanged {
  readonly type: "registration";
  readonly source: Pick<Flow, "listener">;
  readonly endpoint: string;
  /** `registered`, `refreshed`, `unregistered`, or the kind of failure. */
  readonly result: string;
}

/** What is published, by type. Each tells in `source.listener` which gateway it comes from. */
export interface Published {
  readonly request: RequestFinished;
  readonly dropped: MessageDropped;
  readonly "branch-failed": BranchFailed;
  readonly message: MessagePassed;
  readonly registration: RegistrationChanged;
}

/**
 * The one seam for whoever wants to know what the gateway does: log, metrics, callers, traces. A publisher asks
 * `hasSubscribers` before it makes what it would publish, so that a channel nobody listens to costs one look.
 * `node:diagnostics_channel` gives the same channels to anybody by the names `waypost:request` and so on.
 */
export const CHANNELS: { readonly [Type in keyof Published]: Channel } = {
  request: channel("waypost:request"),
  dropped: channel("waypost:dropped"),
  "branch-failed": channel("waypost:branch-failed"),
  message: channel("waypost:message"),
  registration: channel("waypost:registration"),
};

/** Publishes what the SIP core reports. */
export function publishEvent(event: CoreEvent): void {
  CHANNELS[event.type].publish(event);
}

/** A gateway's own part of the channels: a process may hold more than one gateway. */
export class Taps {
  readonly #listeners: ReadonlySet<Listener>;
  readonly #ends: (() => void)[] = [];

  /** @param listeners of the gateway whose events are meant */
  constructor(listeners: readonly Listener[]) {
    this.#listeners = new Set(listeners);
  }

  /** Hands each event of this type to `take`, which is called in the middle of the work and should be quick. */
  on<Type extends keyof Published>(type: Type, take: (event: Published[Type]) => void): void {
    const heard = (message: unknown): void => {
      const event = message as Published[Type];
      if (this.#listeners.has(event.source.listener)) take(event);
    };
    CHANNELS[type].subscribe(heard);
    this.#ends.push(() => CHANNELS[type].unsubscribe(heard));
  }

  /** Takes every tap off. */
  close(): void {
    for (const end of this.#ends.splice(0)) end();
  }
}
