import { hostNameFault, isIpLiteral } from "../endpoints/host.ts";
import type { Target, TransportName } from "../sip/flow.ts";
import type { HostPort } from "./config.ts";

/** Reads `host`, `host:port`, `[v6]` or `[v6]:port`. @throws Error with the rest of a sentence that starts with the text */
export function parseHostPort(text: string): HostPort {
  const { host, port } = split(text);
  if (!isIpLiteral(host)) {
    const fault = hostNameFault(host);
    if (fault !== undefined) {
      throw new Error(fault);
    }
  }
  return port === undefined ? { host } : { host, port };
}

/** The same, but with an IP literal as host. */
export function parseIpPort(text: string): HostPort {
  const { host, port } = split(text);
  if (!isIpLiteral(host)) {
    throw new Error("is no IP address with or without a port, such as 192.0.2.53 or [2001:db8::53]:53");
  }
  return port === undefined ? { host } : { host, port };
}

/** Reads `transport:ip:port`, an IPv6 literal in brackets, as an answer for `name`. @throws Error as parseHostPort does */
export function parseTarget(text: string, name: string): Target {
  const colon = text.indexOf(":");
  const transport = text.slice(0, Math.max(colon, 0)).toLowerCase();
  if (!isTransport(transport)) {
    throw new Error("must have the form transport:ip:port, such as tcp:192.0.2.10:5060 or udp:[2001:db8::10]:5060");
  }
  const { host, port } = split(text.slice(colon + 1));
  if (!isIpLiteral(host)) {
    throw new Error(`contains "${host}", which is no IP address`);
  }
  if (port === undefined) {
    throw new Error("has no port");
  }
  return { transport, address: host, port, host: name };
}

function split(text: string): { host: string; port: number | undefined } {
  const end = text.startsWith("[") ? text.indexOf("]") + 1 : text.indexOf(":");
  if (text.startsWith("[") && end === 0) {
    throw new Error("has an opening bracket without a closing one");
  }
  if (!text.startsWith("[") && (end < 0 || isIpLiteral(text))) {
    return { host: text, port: undefined };
  }
  const host = text.startsWith("[") ? text.slice(1, end - 1) : text.slice(0, end);
  if (end === text.length) {
    return { host, port: undefined };
  }
  const digits = text.slice(end + 1);
  const port = Number(digits);
  if (text[end] !== ":" || !/^\d{1,5}$/.test(digits) || port < 1 || port > 65535) {
    throw new Error(`has the port "${digits}"; a port is a whole number from 1 to 65535`);
  }
  return { host, port };
}

function isTransport(word: string): word is TransportName {
  return word === "udp" || word === "tcp" || word === "tls" || word === "ws" || word === "wss";
}
