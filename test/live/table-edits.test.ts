import { open, readFile, rename, writeFile } from "node:fs/promises";
import t, { type Test } from "tap";
import { GatewayProcess, type Outcome, type Row, tableText } from "../support/gateway.ts";
import { CallStream } from "./call-stream.ts";
import { willingPool } from "./pool.ts";
import { inDialog, invite } from "./requests.ts";
import { SipNode } from "./sip-node.ts";

const ADDRESS = "sip:ocschat@contoso.com";
const POOL_A = "pool-a.contoso.com";
const POOL_B = "pool-b.contoso.com";
/** Within this time a change has to be in force. */
const IN_FORCE_MS = 1000;

const row = (poolFqdn: string, more: Partial<Row> = {}): Row => ({ sipAddress: ADDRESS, poolFqdn, ...more });

t.test("while a steady stream of calls goes on", async (t) => {
  const [a, b] = [await willingPool(t, "pool-a"), await willingPool(t, "pool-b")];
  const gateway = await GatewayProcess.start(t, {
    hosts: { [POOL_A]: [a.target("udp")], [POOL_B]: [b.target("tcp")] },
    endpoints: [{ sipAddress: "sip:other@contoso.com", poolFqdn: POOL_A }],
  });
  const stream = await CallStream.start(t, gateway.listeners, ADDRESS);

  /** Makes an edit between calls and holds every answer against the table before and after. */
  const edit = async (t: Test, before: string, after: string, act: () => Promise<unknown>): Promise<void> => {
    const first = stream.calls.length;
    await stream.answeredAfter(performance.now());
    const started = performance.now();
    await act();
    const done = performance.now();
    await stream.answeredAfter(done + IN_FORCE_MS);
    const answered = stream.calls.slice(first).filter(({ answeredAt }) => answeredAt !== undefined);
    const wrong = answered.filter(({ sentAt, answeredAt, answer }) => {
      if (answeredAt! < started) return answer !== before;
      if (sentAt > done + IN_FORCE_MS) return answer !== after;
      return answer !== before && answer !== after;
    });
    t.same(
      wrong.map(({ sentAt, answer }) => `${answer}, ${Math.round(sentAt - done)} ms after the edit`),
      [],
      `every call gets ${before} or, a second later, ${after}`,
    );
  };
  const command = async (...words: string[]): Promise<Outcome> => {
    const outcome = await gateway.waypost(words);
    if (outcome.status !== 0) throw new Error(outcome.err);
    return outcome;
  };

  await t.test("a row added by a cmdlet is in force within a second", async (t) => {
    const words = ["-SipAddress", ADDRESS, "-PersistentChatPoolFqdn", POOL_A];
    await edit(t, "404", "200 from pool-a", () => command("New-CsPersistentChatEndpoint", ...words));
  });

  await t.test("a row changed by a command is in force within a second", async (t) => {
    await edit(t, "200 from pool-a", "200 from pool-b", () => command("endpoint", "set", ADDRESS, "--pool", POOL_B));
  });

  await t.test("a row that turns to redirect mode is in force within a second", async (t) => {
    await edit(t, "200 from pool-b", "302", () => command("endpoint", "set", ADDRESS, "--mode", "redirect"));
  });

  await t.test("a row removed by a command is out of force within a second", async (t) => {
    await edit(t, "302", "404", () => command("endpoint", "remove", ADDRESS));
  });

  await t.test("a row added by hand, in the file as it is, is in force within a second", async (t) => {
    await edit(t, "404", "200 from pool-a", () => writeFile(gateway.tableFile, tableText([row(POOL_A)])));
  });

  await t.test("a row changed by an editor that replaces the file is in force within a second", async (t) => {
    await edit(t, "200 from pool-a", "200 from pool-b", async () => {
      await writeFile(`${gateway.tableFile}.new`, tableText([row(POOL_B)]));
      await rename(`${gateway.tableFile}.new`, gateway.tableFile);
    });
  });

  await t.test("a file that is written in pieces is taken when it is whole", async (t) => {
    const before = refusals(gateway).length;
    await edit(t, "200 from pool-b", "200 from pool-a", async () => {
      const text = tableText([row(POOL_A)]);
      const file = await open(gateway.tableFile, "w");
      for (const part of [text.slice(0, 30), text.slice(30, 60), text.slice(60)]) await file.write(part);
      await file.close();
    });
    t.equal(refusals(gateway).length, before, "nothing was refused on the way");
  });

  await t.test("a broken edit is refused with its line and column, and the last good table serves", async (t) => {
    const before = refusals(gateway).length;
    const good = await readFile(gateway.tableFile, "utf8");
    const lines = good.split("\n");
    const line = lines.findIndex((each) => each.includes('"sipAddress"'));
    lines[line] = lines[line]!.replace('"sipAddress":', '"sipAddress"');
    const column = lines[line].indexOf(`"${ADDRESS}"`) + 1;
    await edit(t, "200 from pool-a", "200 from pool-a", async () => {
      await writeFile(gateway.tableFile, lines.join("\n"));
      await gateway.logged(() => refusals(gateway).length > before);
    });
    const refused = refusals(gateway).slice(before);
    t.equal(refused.length, 1, "it is said once");
    t.match(refused[0], `${gateway.tableFile}:${line + 1}:${column}: `);
  });

  await t.test("once it is mended, the new table is in force within a second", async (t) => {
    const text = tableText([row(POOL_B)]);
    await edit(t, "200 from pool-a", "200 from pool-b", () => writeFile(gateway.tableFile, text));
  });

  await t.test("an edit that names an address twice is refused with the line of the second", async (t) => {
    const before = refusals(gateway).length;
    const text = tableText([row(POOL_B), row(POOL_A)]);
    const line = text.split("\n").findLastIndex((each) => each.includes('"sipAddress"')) + 1;
    await edit(t, "200 from pool-b", "200 from pool-b", async () => {
      await writeFile(gateway.tableFile, text);
      await gateway.logged(() => refusals(gateway).length > before);
    });
    t.match(refusals(gateway).at(-1), `${gateway.tableFile}:${line}:`);
  });

  t.same(
    (await stream.end()).map(({ callId }) => callId),
    [],
    "no call of the whole stream went unanswered",
  );
  t.ok(stream.calls.length > 500, `there were ${stream.calls.length} calls`);
});

t.test("a change of the table does not move a live dialog", async (t) => {
  const [a, b] = [await willingPool(t, "pool-a"), await willingPool(t, "pool-b")];
  const gateway = await GatewayProcess.start(t, {
    hosts: { [POOL_A]: [a.target("udp")], [POOL_B]: [b.target("udp")] },
    endpoints: [row(POOL_A)],
  });
  const caller = await SipNode.start(t);
  const link = await caller.to(gateway.listener("udp"));
  link.send(invite(link, { to: ADDRESS }));
  const ok = await caller.answer("1 INVITE");
  link.send(inDialog(link, "ACK", 1, ok));

  await gateway.waypost(["endpoint", "set", ADDRESS, "--pool", POOL_B]);
  await gateway.logged(({ msg }) => msg === "a changed endpoint table is in force");
  link.send(inDialog(link, "INFO", 2, ok));
  const info = await a.request("INFO");
  info.link.send(info.message.reply("200 OK"));
  t.equal((await caller.answer("2 INFO")).status, 200, "a moved endpoint");

  await gateway.waypost(["endpoint", "remove", ADDRESS]);
  await gateway.logged(({ endpoints, revision }) => endpoints === 0 && revision !== undefined);
  link.send(invite(link, { to: ADDRESS, callId: "stranger" }));
  t.equal((await caller.answer("1 INVITE", "stranger")).status, 404, "new calls are refused now");
  link.send(inDialog(link, "BYE", 3, ok));
  const bye = await a.request("BYE");
  bye.link.send(bye.message.reply("200 OK"));
  t.equal((await caller.answer("3 BYE")).status, 200, "a removed endpoint");
});

function refusals(gateway: GatewayProcess): string[] {
  return gateway.log.filter(({ msg }) => msg.includes("was refused")).map(({ reason }) => String(reason));
}
