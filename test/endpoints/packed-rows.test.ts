import t from "tap";
import { keyOf } from "../../src/endpoints/address-key.ts";
import type { Endpoint } from "../../src/endpoints/model.ts";
import { PackedRows } from "../../src/endpoints/packed-rows.ts";
import { textHash } from "../../src/hash-index.ts";
import { SimRandom } from "../support/sim-random.ts";
import { row } from "./row.ts";

t.test("rows are found, replaced and removed as in a map, whatever the order of the changes", async (t) => {
  const random = new SimRandom(7);
  const model = new Map<string, Endpoint>();
  const packed = new PackedRows();
  // Rows of very different lengths, so that blocks fill, empty and are used again.
  for (let step = 0; step < 60_000; step++) {
    const each = row({
      sipAddress: `sip:room${random.int(0, 2999)}@contoso.com`,
      version: step + 1,
      ...(random.chance(0.25) ? { displayName: "ä".repeat(1 + random.int(0, 249)) } : undefined),
    });
    const key = keyOf(each);
    const before = model.get(key);
    if (random.chance(0.33)) {
      model.delete(key);
      if (packed.delete(key)?.version !== before?.version) t.fail(`step ${step} removed another row`);
    } else {
      model.set(key, each);
      if (packed.set(key, each)?.version !== before?.version) t.fail(`step ${step} replaced another row`);
    }
  }
  t.equal(packed.size, model.size);
  t.notOk([...model].find(([key, each]) => packed.get(key)?.version !== each.version));
  const all = [...packed.all()].sort((a, b) => a.version - b.version);
  t.same(
    all,
    [...model.values()].sort((a, b) => a.version - b.version),
  );
});

t.test("a key that is not there is not found", async (t) => {
  const packed = new PackedRows();
  t.equal(packed.get("a@contoso.com"), undefined);
  t.equal(packed.delete("a@contoso.com"), undefined);
  packed.set("a@contoso.com", row({ sipAddress: "sip:a@contoso.com" }));
  t.equal(packed.get("b@contoso.com"), undefined);
});

t.test("a row that is larger than a block has its place too", async (t) => {
  const packed = new PackedRows();
  const large = row({ sipAddress: "sip:a@contoso.com", createdBy: "x".repeat(1_200_000) });
  packed.set("a@contoso.com", large);
  packed.set("b@contoso.com", row({ sipAddress: "sip:b@contoso.com" }));
  t.same(packed.get("a@contoso.com"), large);
  t.equal(packed.get("b@contoso.com")?.sipAddress, "sip:b@contoso.com");
});

t.test("a table that changes again and again does not grow", async (t) => {
  const packed = new PackedRows();
  const before = process.memoryUsage().arrayBuffers;
  for (let step = 0; step < 100_000; step++) {
    const each = row({ sipAddress: `sip:room${step % 500}@contoso.com`, version: step + 1 });
    packed.set(keyOf(each), each);
  }
  // 500 rows are some 100 kB; 100,000 would be 20 MB.
  t.ok(packed.blocks <= 4, `${packed.blocks} blocks`);
  t.ok(process.memoryUsage().arrayBuffers - before < 50e6);
});

t.test("a call finds address and treatment of a row, however its address is written", async (t) => {
  const packed = new PackedRows();
  const addresses = ["sip:plain@contoso.com", "sips:Tls@Contoso.com", "sip:x%41@contoso.com.", 'sip:q"\\@contoso.com'];
  for (const sipAddress of addresses) {
    packed.set(keyOf({ sipAddress }), row({ sipAddress, poolFqdn: `${sipAddress.length}.contoso.com` }));
  }
  for (const sipAddress of addresses) {
    const found = packed.find(keyOf({ sipAddress }));
    t.match(found, { sipAddress, treatment: { settings: { poolFqdn: `${sipAddress.length}.contoso.com` } } });
  }
  t.equal(packed.find("plain@contoso.co"), undefined);
});

t.test("two keys with the same hash each have their own row", async (t) => {
  const pairs = [
    ["room609396@contoso.com", "room1085650@contoso.com"],
    ["room609397@contoso.com", "room1085651@contoso.com"],
  ] as const;
  const packed = new PackedRows();
  for (const [first, second] of pairs) {
    t.equal(textHash(first), textHash(second));
    packed.set(first, row({ sipAddress: `sip:${first}` }));
    t.equal(packed.find(second), undefined);
    t.equal(packed.delete(second), undefined);
    packed.set(second, row({ sipAddress: `sip:${second}`, mode: "redirect" }));
    t.match(packed.find(first), { sipAddress: `sip:${first}`, treatment: { settings: { mode: "proxy" } } });
    t.match(packed.find(second), { sipAddress: `sip:${second}`, treatment: { settings: { mode: "redirect" } } });
  }
});
