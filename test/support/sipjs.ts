import { UserAgent } from "sip.js/lib/api/index.js";
import type { IncomingResponse } from "sip.js/lib/core/index.js";
import { WebSocket } from "ws";

/** A sip.js user agent under Node, of whom a test wants signalling alone. */

/** What stands for WebRTC: an offer and an answer that nobody looks into. */
const noMedia = () => ({
  close: () => undefined,
  hasDescription: () => true,
  getDescription: async () => ({ body: "v=0\r\ns=-\r\n", contentType: "application/sdp" }),
  setDescription: async () => undefined,
  rollbackDescription: async () => undefined,
  sendDtmf: () => false,
});

/** alice's user agent, connected to that WebSocket listener; it is stopped after the test. @param ca whom it trusts, PEM */
export async function sipJsAgent(
  t: { teardown(undo: () => unknown): void },
  { server, ca }: { readonly server: string; readonly ca: string },
): Promise<UserAgent> {
  // sip.js looks for the browser's WebSocket; this one knows the CA of the test.
  class BrowserSocket extends WebSocket {
    constructor(url: string, protocols: string[]) {
      super(url, protocols, { ca });
    }
  }
  Object.assign(globalThis, { WebSocket: BrowserSocket });
  const agent = new UserAgent({
    uri: uri("sip:alice@contoso.com"),
    transportOptions: { server },
    sessionDescriptionHandlerFactory: noMedia,
    logBuiltinEnabled: false,
  });
  await agent.start();
  t.teardown(() => agent.stop());
  return agent;
}

export function uri(text: string) {
  return UserAgent.makeURI(text)!;
}

/** Resolves when a session or subscription has come to that state. @throws Error when it ends without */
export function reaches<S extends string>(
  emitter: { stateChange: { addListener(on: (state: S) => void): void }; state: S },
  wanted: S,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const look = (state: S): void => {
      if (state === wanted) resolve();
      else if (state === "Terminated") reject(new Error(`sip.js gave up before the state ${wanted}`));
    };
    emitter.stateChange.addListener(look);
    look(emitter.state);
  });
}

/** Sends a request in a dialog and gives the status of its answer. */
export function answered(
  send: (requestDelegate: { onAccept(r: IncomingResponse): void; onReject(r: IncomingResponse): void }) => unknown,
): Promise<number> {
  return new Promise((resolve) => {
    const done = ({ message }: IncomingResponse): void => resolve(message.statusCode ?? 0);
    send({ onAccept: done, onReject: done });
  });
}
