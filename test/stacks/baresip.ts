import type { Test } from "tap";
import type { Issued } from "../support/certificates.ts";
import { Program } from "./program.ts";

const FOLDERS = ["/usr/lib/baresip/modules", "/usr/lib64/baresip/modules"];

/**
 * A baresip user agent, over UDP, TCP and (on the next port) TLS; when it is stopped, it ends its calls.
 * @param accounts addresses with their parameters; the outbound proxy is one of these
 */
export function baresip(
  t: Test,
  setup: {
    readonly accounts: readonly string[];
    /** Absent = 127.0.0.1. */
    readonly address?: string;
    readonly port: number;
    readonly ca: string;
    readonly issued?: Issued;
    readonly dial?: string;
  },
): Promise<Program> {
  const { accounts, address = "127.0.0.1", port, ca, issued, dial } = setup;
  const config = `
poll_method epoll
sip_listen ${address.includes(":") ? `[${address}]` : address}:${port}
sip_cafile ca.pem
${issued === undefined ? "" : "sip_certificate own.pem"}
sip_verify_server yes
rtp_ports 20000-31998
net_interface ${address}
module_path ${FOLDERS[0]}
module stdio.so
module g711.so
module_app account.so
module_app menu.so
`;
  const files = {
    config,
    accounts: `${accounts.join("\n")}\n`,
    contacts: "",
    "ca.pem": ca,
    "own.pem": `${issued?.cert}\n${issued?.key}`,
  };
  return Program.start(t, "baresip", files, (folder) => [
    ...["-f", folder, "-v"],
    ...(dial === undefined ? [] : ["-e", `/dial ${dial}`]),
  ]);
}
