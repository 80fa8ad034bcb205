import { withoutSource } from "./sim-fidelity.ts";
import { isPending, NON_INVITE_TRYING, timerCFired, type Upstream } from "./sim-ledger.ts";
import type { SimMessage } from "./sim-message.ts";
import type { Path } from "./sim-network.ts";

/** Statuses with which a proxy itself may end a request that it had taken on. */
const OWN_FAILURES: ReadonlySet<number> = new Set([403, 408, 481, 487, 500]);

/**
 * What is wrong with a response that the core sends back, or undefined.
 * @param passedOn true when it is, our Via apart, a response that a branch of this very request received
 */
export function responseFault(
  upstream: Upstream,
  response: SimMessage,
  path: Path,
  passedOn: boolean,
  now: number,
): string | undefined {
  const { request } = upstream;
  const { status } = response;
  if (path.peer.split(":")[0] !== upstream.path.peer.split(":")[0]) return `a response to a wrong party (${path.peer})`;
  if (response.vias.length !== request.vias.length) return "a response with other Vias than its request";
  for (let i = 0; i < request.vias.length; i++) {
    const same = withoutSource(response.vias[i]!.text) === withoutSource(request.vias[i]!.text);
    if (!same) return "a response with other Vias than its request";
  }
  if (response.from !== request.from) return "From was changed";
  if (!response.to.startsWith(request.to)) return "To was changed";
  if (response.value("content-length") === undefined) return "no Content-Length";
  if (/\r\n[a-z][ \t]*:/i.test(response.text.slice(0, response.text.indexOf("\r\n\r\n"))))
    return "a compact header name";
  if (request.method === "INVITE") {
    if (status >= 300) return failureFault(upstream, response, passedOn, now);
    return secondFinalFault(upstream, response);
  }
  if (status < 200) {
    if (status !== 100) return "a provisional response other than 100 to a non-INVITE (RFC 4320 §4.1)";
    if (path.transport === "udp" && now < upstream.arrivedAt + NON_INVITE_TRYING) return "an early 100 (RFC 4320 §4.1)";
  }
  if (status === 408) return "408 to a non-INVITE (RFC 4320 §4.2)";
  return status < 300 ? secondFinalFault(upstream, response) : failureFault(upstream, response, passedOn, now);
}

/** At most one final response (§17.2.1), further 2xx of an INVITE apart (RFC 6026 §7.1). */
function secondFinalFault(upstream: Upstream, response: SimMessage): string | undefined {
  const { finals, request, decidedAnew } = upstream;
  const [first] = finals;
  if (first === undefined || response.status < 200 || decidedAnew) return undefined;
  if (finals.some((known) => known.text === response.text)) return undefined;
  if (request.method === "INVITE" && first.status < 300 && response.status < 300) return undefined;
  return `a second final response after ${first.status}`;
}

function failureFault(upstream: Upstream, response: SimMessage, passedOn: boolean, now: number): string | undefined {
  const { branches, decision, inDialog, cancelledAt, finals } = upstream;
  const { status } = response;
  const second = secondFinalFault(upstream, response);
  if (second !== undefined || finals.length > 0) return second;
  const proxied = inDialog || decision?.kind === "proxy";
  if (!proxied) return undefined;
  if (status === 503) return "503 passed towards the caller (§16.7 step 6)";
  if (status === 401) return "401 towards a legacy client";
  if (!passedOn && !OWN_FAILURES.has(status)) return `an answer of our own that nothing calls for: ${status}`;
  if (!passedOn && status === 481 && !inDialog) return "481 of our own outside of a dialog";
  if (!passedOn && (status === 500 || status === 408) && inDialog) return `${status} of our own inside a dialog`;
  if (status === 487 && cancelledAt === undefined && !branches.some((branch) => timerCFired(branch, now))) {
    return "487 to a caller who has not cancelled";
  }
  if (cancelledAt !== undefined) return undefined;
  const working = branches.find(
    (branch) =>
      branch.request.method === "INVITE" &&
      branch.provisionalAt !== undefined &&
      branch.cancelledAt === undefined &&
      isPending(branch, now),
  );
  if (working !== undefined) return `a failure is final while ${working.path.peer} still rings (§16.7 step 5)`;
  return undefined;
}
