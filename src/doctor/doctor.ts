import { hostPort } from "../address.ts";
import { addressKey } from "../endpoints/address-key.ts";
import { uriHost } from "../endpoints/host.ts";
import type { Endpoint } from "../endpoints/model.ts";
import type { Target, TransportName } from "../sip/flow.ts";
import { askOptions } from "./exchange.ts";
import { type Link, LinkError, openStream, openUdp, secureStream, streamLink } from "./link.ts";
import { lookUp } from "./look-up.ts";
import { locatePool, openLink, type PoolPlace, type Reach } from "./reach.ts";
import { isFromWaypost, statusText } from "./request.ts";
import { StepFailure, type Steps } from "./step.ts";

/** A listener of the gateway, as the doctor calls it up. */
export interface GatewayPlace {
  readonly transport: TransportName;
  /** IP literal to connect to. */
  readonly address: string;
  readonly port: number;
  /** The name in the certificate and in the Request-URI. */
  readonly host: string;
}

export interface Examination {
  /** What legacy clients dial. */
  readonly address: string;
  /** The row with this key. */
  readonly find: (key: string) => Endpoint | undefined;
  readonly reach: Reach;
  /** The gateway's own listeners; empty = it is not asked. */
  readonly gateway: readonly GatewayPlace[];
  /** SIP address of a test identity: then a look-up call is made with it, to the pool and through the gateway. */
  readonly call?: string;
  /** How long the call may take, in milliseconds. */
  readonly callWithinMs: number;
}

/**
 * Looks at everything between a legacy client and its pool, step by step. What depends on a step that failed is left out.
 * @param steps takes what is found
 */
export async function examine(examination: Examination, steps: Steps): Promise<void> {
  const row = await steps.take("table", () => lookInTable(examination));
  const running = await askGateway(examination, steps);
  if (row === undefined) return;
  const pools = row.backupPool === undefined ? [row.poolFqdn] : [row.poolFqdn, row.backupPool];
  for (const host of pools) {
    await examinePool({ host, port: row.port, transport: row.transport }, row, examination, steps);
  }
  const { call } = examination;
  if (call !== undefined && running !== undefined) {
    const link = await steps.take("connect", () => connected(running, examination.reach));
    if (link === undefined) return;
    const dialled = { uri: row.sipAddress, to: row.sipAddress, from: call };
    await steps.take("call", () => made(link, dialled, `through the gateway at ${placeOf(running)}`, examination));
    link.close();
  }
}

async function lookInTable({ address, find }: Examination): Promise<{ detail: string; value: Endpoint }> {
  const key = addressKey(/^sips?:/i.test(address) ? address : `sip:${address}`);
  const row = key === undefined ? undefined : find(key);
  if (row === undefined) {
    throw new StepFailure(
      `${address} is no endpoint of the table`,
      `Make it: waypost endpoint add ${address} POOL; \`waypost endpoint list\` shows which there are.`,
    );
  }
  const { sipAddress, poolFqdn, backupPool, mode, version } = row;
  if (row.retired !== undefined) {
    throw new StepFailure(
      `${sipAddress} is retired: its callers get ${row.retired}`,
      `Take it back if that is not meant: waypost endpoint set ${sipAddress} --no-retired`,
    );
  }
  if (!row.enabled) {
    throw new StepFailure(
      `${sipAddress} is disabled: its callers get 480`,
      `Enable it: waypost endpoint set ${sipAddress} --enable`,
    );
  }
  const pools = backupPool === undefined ? poolFqdn : `${poolFqdn}, and to ${backupPool} when that is down`;
  return { value: row, detail: `${sipAddress} leads to ${pools} (${mode}, version ${version})` };
}

/** Asks each listener of the gateway; gives the first TCP one that answers, else any that does. */
async function askGateway({ gateway, reach }: Examination, steps: Steps): Promise<Target | undefined> {
  const answering: Target[] = [];
  for (const { transport, address, port, host } of gateway) {
    const target = { transport, address, port, host };
    const found = await steps.take("gateway", async () => {
      try {
        const link = await openLink(target, reach);
        try {
          const response = await askOptions(link, hostPort(host, port), reach.withinMs);
          if (isFromWaypost(response)) return { value: target, detail: `the gateway answers on ${placeOf(target)}` };
          const text = `somebody else answers on ${placeOf(target)}: ${statusText(response)}`;
          throw new StepFailure(text, "End the other program; `ss -lnptu` shows which it is.");
        } finally {
          link.close();
        }
      } catch (error) {
        throw explained(error, "Start it: waypost serve. If it runs on another machine: --no-gateway.");
      }
    });
    if (found !== undefined) answering.push(found);
  }
  return answering.find(({ transport }) => transport === "tcp") ?? answering[0];
}

async function examinePool(place: PoolPlace, row: Endpoint, examination: Examination, steps: Steps): Promise<void> {
  const { reach, call } = examination;
  const targets = await steps.take("resolve", async () => {
    const located = await locatePool(place, reach);
    if (!located.ok) {
      const fix = located.reason.includes("listener")
        ? `Add such a listener to \`listen\`, or change the endpoint: waypost endpoint set ${row.sipAddress} --transport …`
        : `Correct the name, or make it known in DNS or in \`resolve.hosts\`.`;
      throw new StepFailure(located.reason, fix);
    }
    return { value: located.targets, detail: `${place.host} is ${located.targets.map(placeOf).join(", ")}` };
  });
  let called = false;
  for (const target of targets ?? []) {
    const link = await openStepwise(target, reach, steps);
    if (link === undefined) continue;
    try {
      const alive = await steps.take("options", () => askPool(link, target, place, reach.withinMs));
      if (alive === undefined || call === undefined || called) continue;
      called = true;
      const uri = row.requestUri === "pool" ? poolUri(row, place) : row.sipAddress;
      const dialled = { uri, to: row.sipAddress, from: call };
      await steps.take("call", () => made(link, dialled, `to the pool at ${placeOf(target)}`, examination));
    } finally {
      link.close();
    }
  }
}

/** Connection and handshake, each a step of its own. UDP has neither. */
async function openStepwise(target: Target, reach: Reach, steps: Steps): Promise<Link | undefined> {
  if (target.transport === "udp") return steps.take("connect", () => connected(target, reach));
  const socket = await steps.take("connect", async () => {
    try {
      return { value: await openStream(target, reach.withinMs), detail: `connected to ${placeOf(target)}` };
    } catch (error) {
      throw explained(
        error,
        "See that the pool's service runs and listens there, and that no firewall stands in between.",
      );
    }
  });
  if (socket === undefined || target.transport !== "tls") return socket && streamLink(socket, target);
  const secured = await steps.take("tls", async () => {
    try {
      const value = await secureStream(socket, target, reach.dialler, reach.withinMs);
      const ends = new Date(value.getPeerX509Certificate()?.validTo ?? 0).toISOString().slice(0, 10);
      const detail = `${value.getProtocol()} with ${value.getCipher().name}, certificate of ${target.host} until ${ends}`;
      return { value, detail };
    } catch (error) {
      throw explained(
        error,
        "Correct the certificates (`tls` in the configuration, or those of the pool), or the port.",
      );
    }
  });
  return secured && streamLink(secured, target);
}

async function connected(target: Target, reach: Reach): Promise<{ detail: string; value: Link }> {
  try {
    const value = target.transport === "udp" ? await openUdp(target) : await openLink(target, reach);
    return {
      value,
      detail: target.transport === "udp" ? "UDP needs no connection" : `connected to ${placeOf(target)}`,
    };
  } catch (error) {
    throw explained(error, "See that the address is right and that no firewall stands in between.");
  }
}

async function askPool(link: Link, target: Target, place: PoolPlace, withinMs: number) {
  let response: Awaited<ReturnType<typeof askOptions>>;
  try {
    response = await askOptions(link, uriHost(place.host), withinMs);
  } catch (error) {
    throw explained(error, "Something listens there and does not speak SIP, or is stuck: look at the pool's own log.");
  }
  if (isFromWaypost(response)) {
    throw new StepFailure(
      `a Waypost gateway answers for ${place.host} at ${placeOf(target)}`,
      "Correct DNS or `resolve.hosts`, so that the name leads to the pool and calls do not go in circles.",
    );
  }
  if (response.status === 503) {
    throw new StepFailure(
      `${placeOf(target)} answers ${statusText(response)}`,
      "The pool is starting, overloaded or shut down for service: look at its own log.",
    );
  }
  return { value: true, detail: `${placeOf(target)} speaks SIP: ${statusText(response)}` };
}

async function made(
  link: Link,
  call: Parameters<typeof lookUp>[1],
  way: string,
  { callWithinMs }: Examination,
): Promise<{ detail: string; value: true }> {
  try {
    const { invite, bye } = await lookUp(link, call, callWithinMs);
    if (invite.status >= 300) {
      throw new StepFailure(`INVITE ${way}: ${statusText(invite)}`, adviceFor(invite.status, call.from));
    }
    if (bye !== undefined && bye.status >= 300 && bye.status !== 481) {
      throw new StepFailure(
        `BYE ${way}: ${statusText(bye)}`,
        "The dialog stays open at the pool: look at its own log.",
      );
    }
    return { value: true, detail: `look-up call ${way}: ${statusText(invite)}` };
  } catch (error) {
    throw explained(error, "Look at the logs of the gateway and of the pool for this call.");
  }
}

function adviceFor(status: number, identity: string): string {
  switch (status) {
    case 401:
    case 407:
      return "The pool wants the caller signed in; with a front end in between this does not happen to clients.";
    case 403:
      return `The pool does not let ${identity} in: give it rights there, or take another test identity.`;
    case 404:
      return "The pool does not know this address: make it there, or send user@pool with --request-uri pool.";
    case 408:
    case 480:
    case 503:
    case 504:
      return "The gateway did not reach the pool in time: see the steps above.";
    case 482:
    case 483:
      return "The call goes in circles: see where the pool, or a gateway on the way, sends it.";
    default:
      return "See the reason in the answer, and the logs of the gateway and of the pool.";
  }
}

/** What broke the link becomes the finding; anything else is not the peer's fault. */
function explained(error: unknown, fix: string): unknown {
  return error instanceof LinkError ? new StepFailure(error.message, fix) : error;
}

function poolUri({ sipAddress, port }: Endpoint, { host, transport }: PoolPlace): string {
  const user = sipAddress.slice(sipAddress.indexOf(":") + 1, sipAddress.lastIndexOf("@"));
  const way = transport === "auto" ? "" : `;transport=${transport}`;
  return `sip:${user}@${uriHost(host)}${port === undefined ? "" : `:${port}`}${way}`;
}

function placeOf({ transport, address, port }: Target): string {
  return `${transport}:${hostPort(address, port)}`;
}
