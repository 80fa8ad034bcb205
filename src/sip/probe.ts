import { outcomeOf } from "./address-outcome.ts";
import type { Listener, Target } from "./flow.ts";
import type { AddressOutcome } from "./host.ts";
import type { ProxyEnvironment } from "./proxy/environment.ts";
import { noAck } from "./transaction/client.ts";
import { clientKey } from "./transaction/key.ts";
import { NonInviteClientTransaction } from "./transaction/non-invite-client.ts";
import { bracketed } from "./uri.ts";

/**
 * Sends an OPTIONS with Max-Forwards 0 to one address and tells how it went: any final response but 503 is a good one.
 * @returns gives it up; `done` is not called any more then
 */
export function sendProbe(
  environment: ProxyEnvironment,
  branch: string,
  target: Target,
  listener: Listener,
  done: (outcome: AddressOutcome) => void,
): () => void {
  const { identity } = environment;
  const uri = `sip:${bracketed(target.host)}:${target.port};transport=${target.transport}`;
  const self = `<sip:${identity.sentBy(listener)}>`;
  const options =
    `OPTIONS ${uri} SIP/2.0\r\nVia: ${identity.viaValue(listener, target.transport, branch)}\r\nMax-Forwards: 0\r\n` +
    `From: ${self};tag=${branch.slice(-12).replace(".", "")}\r\nTo: <${uri}>\r\nCall-ID: ${branch}@${identity.name}\r\n` +
    "CSeq: 1 OPTIONS\r\nUser-Agent: Waypost\r\nContent-Length: 0\r\n\r\n";
  const transaction = new NonInviteClientTransaction(
    environment,
    clientKey(branch, "OPTIONS"),
    "OPTIONS",
    environment.connect(target, listener),
    options,
    environment.transactions,
    {
      responseReceived: (response) => {
        if (response.status >= 200) done(outcomeOf(response));
      },
      timedOut: () => done({ kind: "timeout" }),
      acknowledge: noAck,
      transportFailed: (reason) => done({ kind: "transport", reason }),
    },
  );
  environment.transactions.addClient(transaction);
  return () => transaction.terminate();
}
