import t from "tap";
import { CoreHarness } from "../support/core-harness.ts";
import { FRONT_END, request } from "./texts.ts";

t.test(
  "an OPTIONS with Max-Forwards 0 shows whether the next hop is a Waypost, whatever the table says (§11.2, §20.35)",
  async (t) => {
    const net = new CoreHarness();
    const frontEnd = net.udp(FRONT_END);
    frontEnd.says(request("OPTIONS", { uri: "sip:pcpool.contoso.com" }).replace("Max-Forwards: 69", "Max-Forwards: 0"));
    t.match(frontEnd.inbox, [{ status: 483 }]);
    t.equal(frontEnd.inbox[0]?.one("Server"), "Waypost");
  },
);
