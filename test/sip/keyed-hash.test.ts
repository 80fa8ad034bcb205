import { spawnSync } from "node:child_process";
import t from "tap";
import { KeyedHash } from "../../src/sip/keyed-hash.ts";

/** What the authors of HalfSipHash-2-4 give for the texts of 0 to 16 bytes 00, 01, 02, ... under the key 00 01 ... 07. */
const VECTORS = [
  "218d1f59b9b83cc8",
  "be552412f8387315",
  "064f39ef7c50eb57",
  "ce0f1a45f7060679",
  "d5e78a175be52ea1",
  "cb9d7c3f2f3db580",
  "ce3e91358aa2bc25",
  "ff202728b07bc684",
  "edfee820bce4858c",
  "5b51cccc13888307",
  "95b0469f06a6f2ee",
  "ae26333994ddcd48",
  "7bc71f9faef5c799",
  "5a2352d75a0c3744",
  "3bb1a870eae8e658",
  "217d0bcb4e81c902",
  "7336aad25f7bf3b5",
];

const hash = new KeyedHash([0x03020100, 0x07060504]);

t.test("tokens are HalfSipHash-2-4 with 64 bits, by the vectors of its authors", async (t) => {
  for (const [length, vector] of VECTORS.entries()) {
    const text = Buffer.from(Array.from({ length }, (_, i) => i)).toString("latin1");
    const bytes = Buffer.from(vector, "hex");
    t.equal(
      hash.token(text),
      bytes.readUInt32LE(0).toString(36) + bytes.readUInt32LE(4).toString(36),
      `${length} bytes`,
    );
  }
});

/** HalfSipHash-2-4 as its description has it, one word after the other. */
function described(text: string, k0: number, k1: number): string {
  const bytes = Buffer.from(text, "latin1");
  const padded = Buffer.alloc((bytes.length & ~3) + 4);
  bytes.copy(padded);
  padded[padded.length - 1] = bytes.length;
  const v = Uint32Array.of(k0, k1 ^ 0xee, k0 ^ 0x6c796765, k1 ^ 0x74656462);
  const left = (n: number, by: number): number => (n << by) | (n >>> (32 - by));
  const rounds = (count: number): void => {
    for (let i = 0; i < count; i++) {
      v[0]! += v[1]!;
      v[1] = left(v[1]!, 5) ^ v[0]!;
      v[0] = left(v[0]!, 16);
      v[2]! += v[3]!;
      v[3] = left(v[3]!, 8) ^ v[2]!;
      v[0]! += v[3]!;
      v[3] = left(v[3]!, 7) ^ v[0]!;
      v[2]! += v[1]!;
      v[1] = left(v[1]!, 13) ^ v[2]!;
      v[2] = left(v[2]!, 16);
    }
  };
  for (let at = 0; at < padded.length; at += 4) {
    const word = padded.readUInt32LE(at);
    v[3]! ^= word;
    rounds(2);
    v[0]! ^= word;
  }
  v[2]! ^= 0xee;
  rounds(4);
  const low = (v[1]! ^ v[3]!) >>> 0;
  v[1]! ^= 0xdd;
  rounds(4);
  return low.toString(36) + ((v[1]! ^ v[3]!) >>> 0).toString(36);
}

t.test("texts of every length have the hash that its description gives, very long ones too", async (t) => {
  const lengths = [...Array.from({ length: 80 }, (_, i) => i), 4095, 4096, 4097, 70_001];
  for (const length of lengths) {
    const text = Buffer.from(Array.from({ length }, (_, i) => (i * 151 + length) & 255)).toString("latin1");
    t.equal(hash.token(text), described(text, 0x03020100, 0x07060504), `${length} bytes`);
  }
});

t.test("a text for which memory has to be made first has the same token the first time", async (t) => {
  const url = new URL("../../src/sip/keyed-hash.js", import.meta.url).href;
  const code = `const { KeyedHash } = await import(${JSON.stringify(url)});
    console.log(new KeyedHash([1, 2]).token("x".repeat(200000)));`;
  const { stdout } = spawnSync(process.execPath, ["--input-type=module", "-e", code], { encoding: "utf8" });
  t.equal(stdout.trim(), described("x".repeat(200_000), 1, 2));
});

t.test("a token is told from all others", async (t) => {
  const token = hash.token("c1@10.0.0.7");
  t.ok(hash.isToken(token, "c1@10.0.0.7"));
  const first = token.charCodeAt(0);
  const others = [
    "",
    token.slice(1),
    token.slice(0, -1),
    `${token}0`,
    `${first === 0x30 ? "1" : "0"}${token.slice(1)}`,
    `${token.slice(0, -1)}${token.endsWith("0") ? "1" : "0"}`,
    String.fromCharCode(first + 0x100) + token.slice(1),
    token.toUpperCase(),
  ];
  for (const other of others) t.notOk(hash.isToken(other, "c1@10.0.0.7"), JSON.stringify(other));
  t.notOk(hash.isToken(token, "c2@10.0.0.7"));
  t.notOk(new KeyedHash([1, 2]).isToken(token, "c1@10.0.0.7"));
});
