import { readFile } from "node:fs/promises";
import type { Listener } from "../../sip/flow.ts";

/**
 * Datagrams that the kernel dropped on a UDP port since it was bound, its receive buffer being full; on ports that
 * several sockets share, of all of them. Undefined where there is no /proc (only Linux has it).
 */
export async function readKernelDrops(listener: Listener): Promise<number | undefined> {
  const table = await readFile(`/proc/self/net/udp${listener.family === 6 ? "6" : ""}`, "latin1").catch(() => "");
  const port = `:${listener.port.toString(16).toUpperCase().padStart(4, "0")}`;
  const local = localAddress(listener) + port;
  let drops: number | undefined;
  // sl local_address rem_address st tx:rx tr:when retrnsmt uid timeout inode ref pointer drops
  for (const line of table.split("\n").slice(1)) {
    const fields = line.trim().split(/\s+/);
    if (fields[1] === local) drops = (drops ?? 0) + Number(fields.at(-1));
  }
  return drops;
}

/** As the kernel prints it: each 32-bit word in the byte order of the machine, which is little-endian here. */
function localAddress({ address, family }: Listener): string {
  const bytes = family === 4 ? address.split(".").map(Number) : ipv6Bytes(address);
  let text = "";
  for (let word = 0; word < bytes.length; word += 4) {
    for (let i = 3; i >= 0; i--) text += bytes[word + i]!.toString(16).toUpperCase().padStart(2, "0");
  }
  return text;
}

/** @param address in canonical spelling, without zone */
function ipv6Bytes(address: string): number[] {
  const [head = "", tail] = address.split("::");
  const groups = (text: string): number[] => (text === "" ? [] : text.split(":").map((group) => parseInt(group, 16)));
  const front = groups(head);
  const back = tail === undefined ? [] : groups(tail);
  const all = [...front, ...Array<number>(8 - front.length - back.length).fill(0), ...back];
  return all.flatMap((group) => [group >> 8, group & 255]);
}
