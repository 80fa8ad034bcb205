import { readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import t from "tap";
import { GatewayProcess } from "../support/gateway.ts";

t.test(
  "SIGHUP reads certificates and route keys again, and a broken key file leaves the old keys in force",
  async (t) => {
    const gateway = await GatewayProcess.start(t, {});
    const path = join(dirname(gateway.configFile), "waypost.keys");
    const before = readFileSync(path, "utf8");
    gateway.kill("SIGHUP");
    await gateway.logged(({ msg }) => msg === "certificates, keys and secrets were read again");
    writeFileSync(path, "no key\n");
    gateway.kill("SIGHUP");
    const refused = await gateway.logged(({ msg }) => /the reload was refused/.test(String(msg)));
    t.match(refused, { reason: /waypost\.keys:1: a route key is 16 hex digits/ });
    writeFileSync(path, before);
  },
);
