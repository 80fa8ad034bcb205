import { Message } from "../support/sip-text.ts";
import { listening } from "../transport/wire.ts";

/** One server of a pool as a process: says yes to everything, until it is killed. Arguments: transport and its own name. */

const [transport, name] = process.argv.slice(2) as ["udp" | "tcp", string];
const { transports, handler } = await listening({ teardown: () => undefined }, [{ transport }]);
handler.onMessage = (bytes, flow) => {
  const request = new Message(bytes);
  const headers = `Contact: <sip:${name};transport=${transport}>\r\n`;
  if (request.method !== "ACK" && request.status === 0)
    transports.send(flow, Buffer.from(request.reply("200 OK", { toTag: name, headers }), "latin1"));
};
process.on("disconnect", () => process.exit());
process.send!(transports.listeners[0]!.port);
