import t from "tap";
import { BranchHash, KeyHash } from "../../src/sip/transaction/key-hash.ts";
import { type Keyed, KeyTable } from "../../src/sip/transaction/key-table.ts";

interface Entry extends Keyed<Entry> {
  readonly key: string;
}

function entry(key: string): Entry {
  return { key, hash: 0, chained: undefined };
}

t.test("thousands come and go, and each is found under its key as long as it is in", async (t) => {
  const table = new KeyTable<Entry>(new KeyHash(7));
  const all = Array.from({ length: 5000 }, (_, i) => entry(`z9hG4bK.${i.toString(36)} 10.0.0.1:5060 INVITE`));
  const wrong = (from: number, to: number): number =>
    all.filter(({ key }, i) => table.get(key) !== (i >= from && i < to ? all[i] : undefined)).length;
  for (const one of all) table.add(one);
  t.same([wrong(0, 5000), table.size, new Set(table.values()).size], [0, 5000, 5000]);
  t.ok(all.slice(0, 4000).every((one) => table.delete(one)));
  t.same([wrong(4000, 5000), table.size], [0, 1000]);
  t.equal(table.delete(all[0]!), false, "what is not in cannot be taken out");
  t.ok(
    all.slice(0, 4000).every(({ chained }) => chained === undefined),
    "who is out holds nobody",
  );
});

t.test("keys with the same hash are told apart", async (t) => {
  const table = new KeyTable<Entry>({ of: () => 5 });
  const [a, b, c] = ["a", "b", "c"].map(entry) as [Entry, Entry, Entry];
  for (const one of [a, b, c]) table.add(one);
  table.delete(b);
  t.same([table.get("a"), table.get("b"), table.get("c")], [a, undefined, c]);
});

t.test("branches of ours are told apart by more than their ends, and their ends spread them", async (t) => {
  const hashes = new BranchHash(7);
  const table = new KeyTable<Entry>(hashes);
  const [one, other] = ["z9hG4bK.1111111.abcdefghijklmnop", "z9hG4bK.2222222.abcdefghijklmnop"].map(entry) as [
    Entry,
    Entry,
  ];
  table.add(one);
  t.equal(table.get(other.key), undefined);
  table.add(other);
  t.same([table.get(one.key), table.get(other.key)], [one, other]);

  const places = new Map<number, number>();
  for (let i = 0; i < 5000; i++) {
    const branch = `z9hG4bK.2fc57o7f8ib8.${(1e6 + i).toString(36)}~1`;
    for (const key of [branch, `${branch} CANCEL`]) {
      const place = hashes.of(key) & 8191;
      places.set(place, (places.get(place) ?? 0) + 1);
    }
  }
  t.ok(Math.max(...places.values()) < 12);
});
