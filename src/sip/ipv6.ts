/**
 * One spelling for an IPv6 literal without brackets: eight groups of lower-case hex without leading zeros, so that
 * addresses can be compared as text (RFC 5118 §4.5). What is no IPv6 literal comes back as it is.
 */
export function sameSpelling(host: string): string {
  if (!host.includes(":")) return host;
  const halves = withoutDots(host.toLowerCase()).split("::");
  if (halves.length > 2) return host;
  const [head = [], tail = []] = halves.map((half) => (half === "" ? [] : half.split(":")));
  const missing = 8 - head.length - tail.length;
  if (halves.length === 1 ? missing !== 0 : missing < 1) return host;
  const groups = [...head, ...Array<string>(missing).fill("0"), ...tail].map((group) => Number.parseInt(group, 16));
  return groups.every((group) => group >= 0 && group <= 0xffff)
    ? groups.map((group) => group.toString(16)).join(":")
    : host;
}

/** Turns the IPv4 form of the last 32 bits into two groups. */
function withoutDots(host: string): string {
  const last = host.lastIndexOf(":") + 1;
  const bytes = host.slice(last).split(".");
  if (bytes.length !== 4) return host;
  const [a = 0, b = 0, c = 0, d = 0] = bytes.map(Number);
  return `${host.slice(0, last)}${(a * 256 + b).toString(16)}:${(c * 256 + d).toString(16)}`;
}
