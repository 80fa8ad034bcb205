import type { Closing } from "../support/gateway.ts";
import { contact } from "./requests.ts";
import { SipNode } from "./sip-node.ts";

/** A pool that takes every call; its Contact names it. What is no INVITE and no ACK waits for `next`. */
export async function willingPool(t: Closing, name: string): Promise<SipNode> {
  const node = await SipNode.start(t);
  node.take = (message, link) => {
    if (message.method === "ACK") return true;
    if (message.method !== "INVITE") return false;
    link.send(message.reply("200 OK", { toTag: name, headers: `Contact: ${contact(name, link)}\r\n` }));
    return true;
  };
  return node;
}
