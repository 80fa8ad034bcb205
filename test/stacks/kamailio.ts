import type { Test } from "tap";
import type { Issued } from "../support/certificates.ts";
import { Program } from "./program.ts";
import { LOOPBACK, nameOf, type Side, targetOf } from "./sides.ts";

/** What Kamailio shows of itself, and the CA by which it judges others; it asks everybody for a certificate. */
export interface KamailioTls {
  readonly ca: string;
  readonly issued: Issued;
}

const TLS = `
[server:default]
method = TLSv1.2+
verify_certificate = yes
require_certificate = yes
private_key = FOLDER/own.key
certificate = FOLDER/own.pem
ca_list = FOLDER/ca.pem
[client:default]
method = TLSv1.2+
verify_certificate = yes
require_certificate = yes
private_key = FOLDER/own.key
certificate = FOLDER/own.pem
ca_list = FOLDER/ca.pem
`;

/** A pool: takes every call until the caller ends it; its Contact is {@link contactHost} of the port it was reached at. */
export function kamailioPool(t: Test, sides: readonly Side[], tls: KamailioTls): Promise<Program> {
  return kamailio(
    t,
    sides,
    tls,
    `request_route {
      if (is_method("ACK")) exit;
      # An INVITE with an offer: without an answer in its 200, a browser's stack ends the call.
      if (is_method("INVITE")) set_reply_body("v=0\\r\\ns=-\\r\\n", "application/sdp");
      append_to_reply("Contact: <sip:rooms@port-$(Rp).contoso.com>\\r\\n");
      sl_send_reply("200", "OK");
    }`,
  );
}

export function contactHost(port: number): string {
  return `port-${port}.contoso.com`;
}

/**
 * A front end: stays on the way of each dialog and sends a call for `SIDE.…@contoso.com` to that side of the gateway.
 * @param gateway the gateway's sides
 */
export function kamailioFrontEnd(
  t: Test,
  sides: readonly Side[],
  tls: KamailioTls,
  gateway: readonly Side[],
): Promise<Program> {
  const ways = gateway.map((side) => {
    const [transport, ...place] = targetOf(side).split(":");
    return `if ($rU =~ "^${nameOf(side)}\\.") { $du = "sip:${place.join(":")};transport=${transport}"; }`;
  });
  return kamailio(
    t,
    sides,
    tls,
    `request_route {
      if (!mf_process_maxfwd_header("70")) { sl_send_reply("483", "Too Many Hops"); exit; }
      if (has_totag()) {
        if (!loose_route()) { if (!is_method("ACK")) sl_send_reply("481", "Call Does Not Exist"); exit; }
        t_relay();
        exit;
      }
      if (is_method("CANCEL")) { if (t_check_trans()) t_relay(); exit; }
      record_route();
      ${ways.join("\n      ")}
      if (!t_relay()) sl_reply_error();
    }`,
  );
}

async function kamailio(t: Test, sides: readonly Side[], { ca, issued }: KamailioTls, route: string): Promise<Program> {
  const text = `#!KAMAILIO
debug=1
log_stderror=yes
fork=yes
children=1
tcp_children=1
auto_aliases=no
dns=no
rev_dns=no
enable_tls=yes
tcp_accept_no_cl=no
${sides.map((side) => `listen=${targetOf(side)}`).join("\n")}
mpath="/usr/lib/x86_64-linux-gnu/kamailio/modules/:/usr/lib/aarch64-linux-gnu/kamailio/modules/:/usr/lib64/kamailio/modules/"
loadmodule "sl.so"
loadmodule "tm.so"
loadmodule "tls.so"
loadmodule "pv.so"
loadmodule "rr.so"
loadmodule "maxfwd.so"
loadmodule "textops.so"
loadmodule "siputils.so"
modparam("tls", "config", "FOLDER/tls.cfg")
modparam("rr", "enable_double_rr", 1)
${route}
`;
  const files = { "kamailio.cfg": text, "tls.cfg": TLS, "own.pem": issued.cert, "own.key": issued.key, "ca.pem": ca };
  const words = (folder: string) => [
    "-c",
    `sed -i "s#FOLDER#${folder}#" kamailio.cfg tls.cfg; exec kamailio -DD -E -m 64 -M 8 -f kamailio.cfg -Y ${folder} -P ${folder}/pid`,
  ];
  const program = await Program.start(t, "sh", files, words);
  for (const { transport, family, port } of sides) {
    if (transport !== "udp") await program.listens(LOOPBACK[family], port);
  }
  return program;
}
