import { readFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { loadConfig } from "../../src/config/load.ts";

const PAGE = readFileSync("docs/ways-in.md", "utf8");
const EXAMPLES = [...PAGE.matchAll(/^```yaml\n([\s\S]*?)^```$/gm)].map(([, text]) => text!);

t.test("every example of docs/ways-in.md is a configuration that loads", async (t) => {
  t.equal(EXAMPLES.length, 3);
  const configs = EXAMPLES.map((text) => {
    const folder = t.testdir({ "waypost.yaml": text, "registrar.password": "secret\n" });
    return loadConfig({ file: join(folder, "waypost.yaml"), env: {}, cwd: folder });
  });
  t.match(configs[1]!.registrar, { server: "sip:fe01.contoso.com:5060;transport=tcp", username: "waypost" });
  t.match(configs[2]!.defaultRoute, { proxy: "sip:fe01.contoso.com:5061;transport=tls" });
});
