import { readFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import t from "tap";
import { GatewayProcess, tableText } from "../support/gateway.ts";
import { descendants } from "../support/process-tree.ts";

const ENDPOINT = { sipAddress: "sip:ocschat@contoso.com", poolFqdn: "pcpool.contoso.com" };
/** So many that the store is in a process of its own. */
const ENDPOINTS = [
  ENDPOINT,
  ...Array.from({ length: 1000 }, (_, i) => ({ ...ENDPOINT, sipAddress: `sip:room${i}@contoso.com` })),
];

t.test("a store that does not answer any more holds up no stop: status 0, and it is gone", async (t) => {
  const gateway = await GatewayProcess.start(t, { endpoints: ENDPOINTS });
  const store = storeOf(gateway.pid);
  process.kill(store, "SIGSTOP");
  await gateway.stop();
  await gone(store);
  t.equal(gateway.log.at(-1)?.msg, "stopped");
});

t.test("SIGTERM to the gateway and its store alike: status 0, and both are gone", async (t) => {
  const gateway = await GatewayProcess.start(t, { endpoints: ENDPOINTS });
  const store = storeOf(gateway.pid);
  process.kill(store, "SIGTERM");
  await gateway.stop();
  await gone(store);
  t.notMatch(gateway.output.err, /has ended/);
});

t.test("a store that dies is started again and brings the table up to date", async (t) => {
  const gateway = await GatewayProcess.start(t, { endpoints: ENDPOINTS });
  process.kill(storeOf(gateway.pid), "SIGKILL");
  await gateway.logged(({ reason }) => /has ended: SIGKILL/.test(String(reason)));
  await writeFile(gateway.tableFile, tableText([...ENDPOINTS, { ...ENDPOINT, sipAddress: "sip:two@contoso.com" }]));
  await gateway.logged(({ msg, endpoints }) => /changed endpoint table is in force/.test(msg) && endpoints === 1002);
  await gateway.stop();
});

t.test("a gateway that stops right after its store has died: status 0", async (t) => {
  const gateway = await GatewayProcess.start(t, { endpoints: ENDPOINTS });
  process.kill(storeOf(gateway.pid), "SIGKILL");
  await gateway.stop();
  t.equal(gateway.log.at(-1)?.msg, "stopped");
});

t.test("kill -9 of the gateway leaves no store behind", async (t) => {
  const undo: (() => unknown)[] = [];
  const gateway = await GatewayProcess.start({ teardown: (each) => undo.push(each) }, { endpoints: ENDPOINTS });
  const store = storeOf(gateway.pid);
  gateway.kill("SIGKILL");
  t.equal((await gateway.ended()).signal, "SIGKILL");
  await gone(store);
  // The gateway's own way out is closed; its folder is still to go.
  await undo[0]!();
});

/** The store among the processes that the gateway has started, and those that these have started. */
function storeOf(pid: number): number {
  const store = descendants(pid).find((each) => /store-process/.test(readFileSync(`/proc/${each}/cmdline`, "latin1")));
  if (store === undefined) throw new Error(`process ${pid} has no store`);
  return store;
}

/** Resolves when there is no such process, or only what is left of it for its parent to read. */
async function gone(pid: number): Promise<void> {
  while (isRunning(pid)) await sleep(20);
}

function isRunning(pid: number): boolean {
  try {
    return !/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, "latin1"));
  } catch {
    return false;
  }
}
