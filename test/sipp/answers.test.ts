import t from "tap";
import { GatewayProcess } from "../support/gateway.ts";
import { play } from "./sipp.ts";

const CALLS = 5;

t.test("final answers of the gateway's own", async (t) => {
  const gateway = await GatewayProcess.start(t, {
    endpoints: [
      { sipAddress: "sip:moved@contoso.com", poolFqdn: "pcpool.contoso.com", mode: "redirect" },
      { sipAddress: "sip:moved303@contoso.com", poolFqdn: "pcpool.contoso.com", mode: "redirect", redirectStatus: 303 },
      { sipAddress: "sip:off@contoso.com", poolFqdn: "pcpool.contoso.com", enabled: false },
    ],
  });

  for (const transport of ["udp", "tcp"] as const) {
    const caller = { scenario: "caller-refused", transport, to: gateway.listener(transport), calls: CALLS };
    const expect = (address: string, status: number, header: string) => ({
      ...caller,
      fill: { address, status, header },
    });

    await t.test(`302 with user@pool in Contact over ${transport} (§8.3)`, async (t) => {
      await play(t, expect("sip:Moved@contoso.com", 302, "Contact: &lt;sip:Moved@pcpool.contoso.com&gt;"));
    });

    await t.test(`303, on which Microsoft servers recurse, over ${transport}`, async (t) => {
      await play(t, expect("sip:moved303@contoso.com", 303, "Contact: &lt;sip:moved303@pcpool.contoso.com&gt;"));
    });

    await t.test(`404 for a stranger over ${transport}, with a Warning that says why (§20.43)`, async (t) => {
      await play(t, expect("sip:stranger@contoso.com", 404, "Warning: 399 [^ ]+ .*sip:stranger@contoso.com"));
    });

    await t.test(`404 for a stranger over ${transport}, with ms-diagnostics that say why`, async (t) => {
      await play(
        t,
        expect("sip:stranger@contoso.com", 404, "ms-diagnostics: [0-9]+;reason=.*sip:stranger@contoso.com"),
      );
    });

    await t.test(`480 for a disabled endpoint over ${transport} (§21.4.18)`, async (t) => {
      await play(t, expect("sip:off@contoso.com", 480, "Warning: 399 [^ ]+ .*disabled"));
    });

    await t.test(`a repeated INVITE gets the same 302 over ${transport}, To tag included (§8.2.7)`, async (t) => {
      const fill = { address: "sip:moved@contoso.com", status: 302 };
      const [part] = await play(t, { ...caller, scenario: "caller-refused-twice", fill, calls: 1, options: ["-nr"] });
      const [first, second, ...more] = await part!.received();
      t.match(first, "SIP/2.0 302 ");
      t.equal(second, first);
      t.same(more, []);
    });
  }
});
