import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { Inviter, SessionState, Subscriber, SubscriptionState } from "sip.js/lib/api/index.js";
import type { IncomingResponse } from "sip.js/lib/core/index.js";
import t, { type Test } from "tap";
import { loadConfig } from "../../src/config/load.ts";
import { startGateway } from "../../src/daemon.ts";
import { SamplePool } from "../../src/demo/sample-pool.ts";
import { command } from "../../src/demo/xccos.ts";
import { createLog } from "../../src/observe/log.ts";
import { Authority, Folder } from "../support/certificates.ts";
import { tableText } from "../support/gateway.ts";
import { answered, reaches, sipJsAgent, uri } from "../support/sipjs.ts";
import { udpEnvironment } from "../support/udp-form.ts";

const ca = await Authority.make();

/** A pool, a gateway in front of it with ws and wss listeners, and a sip.js user agent that is connected. */
async function stage(t: Test, transport: "ws" | "wss" = "ws") {
  const pool = new SamplePool({ listen: { address: "127.0.0.1", port: 0 } });
  await pool.start();
  t.teardown(() => pool.close());
  const folder = await Folder.make(t);
  await folder.putPair("gw", await ca.issue({ ips: ["127.0.0.1"], dns: ["gw.contoso.com"] }));
  const row = { poolFqdn: "pcpool.contoso.com" };
  const table = [
    { sipAddress: "sip:ocschat@contoso.com", ...row },
    { sipAddress: "sip:moved@contoso.com", ...row, mode: "redirect" },
  ];
  await folder.put("endpoints.json", tableText(table));
  const config = {
    listen: [
      { transport: "ws", host: "127.0.0.1", port: 0 },
      { transport: "wss", host: "127.0.0.1", port: 0, cert: "gw.pem", key: "gw.key" },
      { transport: "tcp", host: "127.0.0.1", port: 0 },
    ],
    resolve: { hosts: { "pcpool.contoso.com": [`tcp:127.0.0.1:${pool.address.port}`] } },
  };
  const file = join(folder.path, "waypost.yaml");
  await writeFile(file, JSON.stringify(config));
  const gateway = await startGateway(loadConfig({ file, env: udpEnvironment, cwd: folder.path }), createLog("silent"));
  t.teardown(() => gateway.stop());
  const listener = gateway.listeners.find((candidate) => candidate.transport === transport)!;
  const server = `${transport}://127.0.0.1:${listener.port}`;
  return { pool, gateway, agent: await sipJsAgent(t, { server, ca: ca.pem }) };
}

for (const transport of ["ws", "wss"] as const) {
  t.test(`sip.js over ${transport}: INVITE, INFO and MESSAGE in the dialog, an INFO of the pool, BYE`, async (t) => {
    const { pool, agent } = await stage(t, transport);
    const session = new Inviter(agent, uri("sip:ocschat@contoso.com"));
    const heard: string[] = [];
    const fromPool = new Promise<void>((resolve) => {
      session.delegate = {
        onInfo: (info) => {
          heard.push(info.request.body);
          void info.accept();
          resolve();
        },
      };
    });
    await session.invite();
    await reaches(session, SessionState.Established);
    t.equal(pool.stats.dialogs, 1);
    const body = { contentDisposition: "render", contentType: "text/plain", content: command(1, "requri") };
    t.equal(await answered((requestDelegate) => session.info({ requestDelegate, requestOptions: { body } })), 200);
    await fromPool;
    t.match(heard, [/<rpl id="rpl:requri"/], "the pool's own request comes back over the client's connection");
    t.equal(await answered((requestDelegate) => session.message({ requestDelegate, requestOptions: { body } })), 200);
    t.equal(await answered((requestDelegate) => session.bye({ requestDelegate })), 200);
    t.equal(pool.stats.dialogs, 0);
  });
}

t.test("sip.js hears the pool's BYE", async (t) => {
  const { pool, agent } = await stage(t);
  pool.misbehave = { lookUp: "bye" };
  const session = new Inviter(agent, uri("sip:OCSChat@contoso.com"));
  await session.invite();
  await reaches(session, SessionState.Established);
  const body = { contentDisposition: "render", contentType: "text/plain", content: command(1, "requri") };
  await session.info({ requestOptions: { body } });
  await reaches(session, SessionState.Terminated);
  t.equal(session.state, SessionState.Terminated);
});

t.test("sip.js subscribes, is notified over its connection, and ends the subscription", async (t) => {
  const { pool, agent } = await stage(t);
  const subscription = new Subscriber(agent, uri("sip:ocschat@contoso.com"), "presence");
  const states: (string | undefined)[] = [];
  subscription.delegate = {
    onNotify: (notification) => {
      states.push(notification.request.getHeader("Subscription-State"));
      void notification.accept();
    },
  };
  await subscription.subscribe();
  await reaches(subscription, SubscriptionState.Subscribed);
  t.match(states, [/^active;expires=\d+/]);
  await subscription.unsubscribe();
  await reaches(subscription, SubscriptionState.Terminated);
  // sip.js does not wait for what becomes of it.
  while (pool.stats.dialogs > 0) await setTimeout(10);
  t.equal(pool.stats.subscriptions, 2);
});

t.test("sip.js sees a 302 with the pool's Contact", async (t) => {
  const { agent } = await stage(t);
  const session = new Inviter(agent, uri("sip:moved@contoso.com"));
  const redirected = new Promise<IncomingResponse>((resolve) => {
    void session.invite({ requestDelegate: { onRedirect: resolve } });
  });
  const { message } = await redirected;
  t.equal(message.statusCode, 302);
  t.match(message.getHeader("contact"), /^<sip:moved@pcpool\.contoso\.com/);
  await reaches(session, SessionState.Terminated);
});

t.test("when the client's connection is gone, the pool hears so and gives the dialog up", async (t) => {
  const { pool, agent } = await stage(t);
  const session = new Inviter(agent, uri("sip:ocschat@contoso.com"));
  await session.invite();
  await reaches(session, SessionState.Established);
  // The pool's own INFO comes when the connection has been closed.
  pool.misbehave = { delay: 500 };
  const body = { contentDisposition: "render", contentType: "text/plain", content: command(1, "requri") };
  await session.info({ requestOptions: { body } });
  await agent.transport.disconnect();
  // A 481 to a request in a dialog ends it (RFC 3261 §12.2.1.2).
  while (pool.stats.dialogs > 0) await setTimeout(10);
  t.equal(pool.stats.lookUps, 1);
});
