import { dialogRequest, SimActor, type SimSetting } from "./sim-actor.ts";
import { SimMessage, writeMessage } from "./sim-message.ts";
import type { UasTransaction } from "./sim-transactions.ts";

/** Somebody on the network whom nobody invited: asks for what is not here, and sends what it should not. */
export class SimStranger extends SimActor {
  readonly #gateway: string;

  constructor(setting: SimSetting, ip: string, gateway: string) {
    super(setting, "stranger", ip);
    this.#gateway = gateway;
  }

  /** One mischief. @param signed whether the gateway can tell its own Record-Route URIs from others */
  act(number: number, signed: boolean): void {
    const { random } = this.setting;
    const kind = random.weighted({
      ping: 1,
      unknown: 3,
      exhausted: 1,
      "forged response": 2,
      "stray ACK": 1,
      "stray CANCEL": 1,
      noise: 1,
      relay: signed ? 2 : 0,
    });
    const callId = `mischief${number}`;
    const path = this.pathTo("udp", this.#gateway);
    const listener = {
      response: (response: SimMessage) => {
        if (response.status >= 200) this.setting.note(`stranger: ${kind} got ${response.status}`);
      },
      timedOut: () => {},
    };
    if (kind === "ping") {
      this.sendRequest(this.#request("OPTIONS", "sip:gw.contoso.com", callId), path, listener);
    } else if (kind === "unknown") {
      this.sendRequest(this.#request("INVITE", "sip:nobody@example.net", callId), path, listener);
    } else if (kind === "exhausted") {
      this.sendRequest(this.#request("INVITE", "sip:ocschat@contoso.com", callId, 0), path, listener);
    } else if (kind === "stray CANCEL") {
      this.sendRequest(this.#request("CANCEL", "sip:ocschat@contoso.com", callId), path, listener);
    } else if (kind === "relay") {
      const user = random.pick(["", "abc@", `${callId}@`]);
      const route = `Route: <sip:${user}gw.contoso.com:5060;transport=udp;lr>`;
      const inside = { callId, local: "<sip:m@example.net>;tag=m", remote: "<sip:m@example.net>;tag=n", cseq: 1 };
      const target = `sip:victim@${this.ip}`;
      const via = `SIP/2.0/UDP ${this.ip}:5060;branch=${this.newBranch()}`;
      const dialog = { ...inside, target, routes: [route.slice(7), `<${target};lr>`] };
      this.sendRequest(dialogRequest(dialog, random.pick(["INFO", "INVITE"]), [via]), path, listener);
    } else if (kind === "stray ACK") {
      path.send(this.#request("ACK", "sip:ocschat@contoso.com;x", callId));
    } else if (kind === "noise") {
      path.send(
        new SimMessage(random.pick(["", "\0\0\0", "INVITE sip:x", "SIP/2.0 200 OK\r\n\r\n", "GET / HTTP/1.1\r\n\r\n"])),
      );
    } else {
      path.send(
        writeMessage([
          `SIP/2.0 ${random.pick([180, 200, 487])} Forged`,
          `Via: SIP/2.0/UDP gw.contoso.com:5060;branch=z9hG4bK.${random.int(0, 9)}.${random.int(0, 3)};rport`,
          `Via: SIP/2.0/UDP fe1.contoso.com:5060;branch=z9hG4bKfe1.${random.int(0, 3)}`,
          "From: <sip:alice@contoso.com>;tag=x",
          "To: <sip:ocschat@contoso.com>;tag=y",
          `Call-ID: call-1-1`,
          `CSeq: 1 ${random.pick(["INVITE", "INFO", "CANCEL"])}`,
        ]),
      );
    }
  }

  protected override requestReceived(request: SimMessage, _transaction: UasTransaction): void {
    this.setting.violation(`a stranger got a request: ${request.summary}`);
  }

  #request(method: string, uri: string, callId: string, maxForwards = 70): SimMessage {
    return writeMessage([
      `${method} ${uri} SIP/2.0`,
      `Via: SIP/2.0/UDP ${this.ip}:5060;branch=${this.newBranch()}`,
      "From: <sip:mallory@example.net>;tag=m",
      `To: <${uri}>`,
      `Max-Forwards: ${maxForwards}`,
      `CSeq: 1 ${method}`,
      `Call-ID: ${callId}`,
    ]);
  }
}
