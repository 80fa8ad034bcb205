import t from "tap";
import { headerId, hold, skipToken } from "../../src/grammar/grammar.ts";
import * as headers from "../../src/grammar/header-ids.ts";
import { parseUri } from "../../src/sip/uri.ts";

// Characters are looked at sixteen at a time: each must count wherever it stands among them, and none behind the end.

/** Places in front of, at and behind the edges of sixteen. */
const PLACES = [0, 1, 7, 14, 15, 16, 17, 30, 31, 32, 33];
const TOKEN = /^[A-Za-z0-9.!%*_+`'~-]$/;

function chars(): string[] {
  return Array.from({ length: 256 }, (_, code) => String.fromCharCode(code));
}

t.test("§25.1: a token ends at the first character that is none, and at its end at the latest", async (t) => {
  const wrong: string[] = [];
  for (let start = 0; start < 17; start++) {
    for (const place of PLACES) {
      for (const char of chars()) {
        hold(`${"<".repeat(start)}${"a".repeat(place)}${char}${"b".repeat(40)}`);
        const at = start + place;
        const behind = TOKEN.test(char) ? 1 : 0;
        const ends = [skipToken(start, at), skipToken(start, at + 1), skipToken(start, at + 41)];
        const right = [at, at + behind, at + 41 * behind];
        if (ends.join() !== right.join()) wrong.push(`${start} ${place} ${char.charCodeAt(0)}: ${ends} for ${right}`);
      }
    }
  }
  t.same(wrong.slice(0, 5), []);
});

t.test(
  "§25.1: nothing behind its end is taken for part of a token, whatever an earlier text has left there",
  async (t) => {
    for (let length = 0; length < 35; length++) {
      hold("c".repeat(100));
      hold("c".repeat(length));
      t.equal(skipToken(0, length), length);
    }
  },
);

t.test("§19.1: each character of a host counts wherever it stands", async (t) => {
  const wrong: string[] = [];
  for (const place of PLACES) {
    for (const char of chars()) {
      // These end the host, or stand in front of it.
      if ([":", ";", "?", "@"].includes(char)) continue;
      const host = `${"a".repeat(place)}${char}bc`;
      const found = parseUri(`sip:${host}`)?.host;
      const right = /^[A-Za-z0-9._-]+$/.test(host) ? host.toLowerCase() : undefined;
      if (found !== right) wrong.push(`${JSON.stringify(host)}: ${found}`);
    }
  }
  t.same(wrong, []);
});

const NAMES: Readonly<Record<string, number>> = {
  Via: headers.VIA,
  From: headers.FROM,
  To: headers.TO,
  "Call-ID": headers.CALL_ID,
  CSeq: headers.CSEQ,
  "Max-Forwards": headers.MAX_FORWARDS,
  Route: headers.ROUTE,
  "Record-Route": headers.RECORD_ROUTE,
  "Content-Length": headers.CONTENT_LENGTH,
  "Proxy-Require": headers.PROXY_REQUIRE,
  "Proxy-Authorization": headers.PROXY_AUTHORIZATION,
  Timestamp: headers.TIMESTAMP,
  "Retry-After": headers.RETRY_AFTER,
  Reason: headers.REASON,
};

function idOf(name: string): number {
  hold(`${name}: x`);
  return headerId(0, name.length);
}

for (const [name, id] of Object.entries(NAMES)) {
  t.test(
    `§7.3.1: ${name} is known in any case, and with another character anywhere it is another header`,
    async (t) => {
      for (const same of [name, name.toLowerCase(), name.toUpperCase()]) t.equal(idOf(same), id, same);
      for (let i = 0; i < name.length; i++) {
        for (const char of ["z", "-", "\r", "\x0f", String.fromCharCode(name.charCodeAt(i) | 0x80)]) {
          if (char === name[i]) continue;
          const other = name.slice(0, i) + char + name.slice(i + 1);
          t.equal(idOf(other), headers.OTHER, JSON.stringify(other));
        }
      }
      t.equal(idOf(`${name}s`), headers.OTHER);
    },
  );
}
