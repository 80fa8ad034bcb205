import t from "tap";
import type { Flow } from "../../src/sip/flow.ts";
import type { ClientTransaction } from "../../src/sip/transaction/client.ts";
import { ClientTransactions } from "../../src/sip/transaction/client-transactions.ts";
import { KeyHash } from "../../src/sip/transaction/key-hash.ts";

function flow(remotePort: number): Flow {
  return { remoteAddress: "10.0.0.1", remotePort } as Flow;
}

function waiting(key: string, flow: Flow): ClientTransaction {
  return { key, flow } as ClientTransaction;
}

t.test("each flow knows the transactions that wait on it, one or many, until they end", async (t) => {
  const all = new ClientTransactions(new KeyHash(7));
  const flows = [flow(1), flow(2), flow(3)];
  const some = ["a", "b", "c", "d"].map((key, i) => waiting(key, flows[i < 3 ? 0 : 1]!));
  const keys = () =>
    flows.map((flow) =>
      all
        .on(flow)
        .map(({ key }) => key)
        .join(),
    );
  for (const one of some) all.add(one);
  t.same(keys(), ["a,b,c", "d", ""]);
  t.equal(all.get("b"), some[1]);
  for (const i of [1, 3, 0]) all.delete(some[i]!);
  t.same(keys(), ["c", "", ""]);
  all.delete(some[1]!);
  all.delete(some[2]!);
  t.same([keys(), all.size, [...all.values()]], [["", "", ""], 0, []]);
  all.add(some[0]!);
  t.same(keys(), ["a", "", ""]);
});

t.test("who ends while the others on the flow are being told changes nothing for them", async (t) => {
  const all = new ClientTransactions(new KeyHash(7));
  const one = flow(1);
  const some = ["a", "b", "c"].map((key) => waiting(key, one));
  for (const each of some) all.add(each);
  const told: string[] = [];
  for (const each of all.on(one)) {
    told.push(each.key);
    for (const other of some) all.delete(other);
  }
  t.same(told, ["a", "b", "c"]);
});
