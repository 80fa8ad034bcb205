import { randomBytes, randomInt } from "node:crypto";
import { ClientDialog, type ClientIdentity, NTLM, newCallId, USER_AGENT } from "./client-dialog.ts";
import { ClientLink } from "./client-link.ts";
import { type Recorder, unrecorded } from "./recorder.ts";
import { header, hostPort, type SipText, sipText, statusOf, uriParts } from "./sip-text.ts";
import { DialogLost, type Step, StepFailure, StepLog } from "./steps.ts";
import type { Address } from "./wire.ts";
import { attributeOf, chatLine, chatLineOf, command, roomId, XCCOS_TYPE, type Xccos } from "./xccos.ts";

export interface LegacyClientOptions {
  /** The home front end; the client never connects anywhere else. */
  readonly frontEnd: Address;
  /** Whom to dial, as typed in the client's settings. Default `sip:ocschat@contoso.com`. */
  readonly legacyAddress?: string;
  /** The user's own SIP address. Default `sip:alice@contoso.com`. */
  readonly user?: string;
  /** The room to join, a `ma-chan:` URI. */
  readonly room: string;
  /** The line to say there. */
  readonly line?: string;
  /** How long to wait for each message, in milliseconds. Default 10,000. The real client waits for ever. */
  readonly stepTimeout?: number;
  /** How often to look up before a lost dialog (481) counts as a failure. Default 3; the real client never stops. */
  readonly lookUps?: number;
  /** Told after each step. */
  readonly onStep?: (step: Step) => void;
  readonly recorder?: Recorder;
}

/**
 * A legacy Group Chat client as it shows on the wire; what it does was observed of SIPE 1.25.0. It has one TCP
 * connection, signs in, looks up the channel address at the legacy address, and chats in a second dialog. Where
 * the real client would drop a message in silence it stops and names the rule that was broken.
 */
export class LegacyClient {
  readonly #options: LegacyClientOptions;
  readonly #link: ClientLink;
  readonly #steps: StepLog;
  readonly #registration = newCallId();
  readonly #instance = randomBytes(16).toString("hex");
  #identity: ClientIdentity;
  #registers = 0;
  #envelope = randomInt(1, 2 ** 30);

  constructor(options: LegacyClientOptions) {
    this.#options = options;
    this.#link = new ClientLink(options.recorder ?? unrecorded, options.stepTimeout ?? 10_000);
    this.#steps = new StepLog(options.onStep ?? (() => {}));
    const user = options.user ?? "sip:alice@contoso.com";
    this.#identity = { user, gruu: "", epid: randomBytes(6).toString("hex"), address: "", sentBy: "" };
  }

  /** Goes through a whole session. Resolves with the steps taken; if one failed, it is the last. */
  async run(): Promise<Step[]> {
    try {
      await this.#steps.take("connect", this.#connect());
      await this.#steps.take("signIn", this.#signIn(), (gruu) => gruu);
      await this.#session();
    } catch (error) {
      if (!(error instanceof StepFailure)) throw error;
      await this.#giveUp();
    } finally {
      this.#link.close();
    }
    return this.#steps.taken;
  }

  /** Looks up and chats; where the pool has lost a dialog, from the start again. */
  async #session(): Promise<void> {
    for (let left = (this.#options.lookUps ?? 3) - 1; ; left -= 1) {
      try {
        await this.#chatOnce();
        return;
      } catch (error) {
        if (!(error instanceof DialogLost)) throw error;
        if (left === 0)
          await this.#steps.take("lookUp", Promise.reject(new StepFailure("every dialog was lost again")));
        for (const dialog of this.#link.dialogs) if (dialog.established) this.#link.send(dialog.bye());
      }
    }
  }

  async #chatOnce(): Promise<void> {
    const { legacyAddress = "sip:ocschat@contoso.com", room, line = "Hello from a legacy client" } = this.#options;
    const steps = this.#steps;
    const lookUp = this.#dialog(legacyAddress);
    const ask = await steps.take("lookUp", this.#invite(lookUp, "requri"), () => `${legacyAddress} answered`);
    await steps.take("ask", this.#accepted(lookUp, ask, "cmd:requri"));
    const uri = await steps.take("learn", this.#channelAddress(lookUp), (learnt) => learnt);
    // The BYE is not waited for: the INVITE of the channel dialog follows at once.
    const bye = this.#link.send(lookUp.bye());
    const channel = this.#dialog(uri);
    const invitations = `<inv inviteId="1" domain="${this.#domain}"/>`;
    const first = await steps.take("channel", this.#invite(channel, "getinv", invitations), () => `${uri} answered`);
    await steps.take("closeLookUp", this.#ended(lookUp, bye));
    await steps.take("invitations", this.#replied(channel, first, "getinv"));
    await steps.take("join", this.#join(channel, room), () => room);
    await steps.take("chat", this.#chat(channel, room, line), (seen) => `"${seen}"`);
    await steps.take("signOut", this.#signOut(channel));
  }

  async #connect(): Promise<void> {
    const { frontEnd } = this.#options;
    try {
      const { address, port } = await this.#link.connect(frontEnd);
      this.#identity = { ...this.#identity, address, sentBy: hostPort(address, port) };
    } catch (error) {
      const at = hostPort(frontEnd.address, frontEnd.port);
      throw new StepFailure(`no front end at ${at}: ${(error as Error).message}`);
    }
  }

  async #signIn(): Promise<string> {
    const answer = await this.#link.answer(this.#register(7200), "REGISTER");
    if (statusOf(answer) !== 200) throw new StepFailure(`REGISTER was answered "${reasonOf(answer)}"`);
    const gruu = /gruu="([^"]+)"/.exec(header(answer, "Contact") ?? "")?.[1];
    if (gruu === undefined) throw new StepFailure("the registrar gave no GRUU");
    this.#identity = { ...this.#identity, gruu };
    return gruu;
  }

  #register(expires: number): string {
    const { user, epid, sentBy } = this.#identity;
    this.#registers += 1;
    return this.#link.send(
      sipText(`REGISTER sip:${this.#domain} SIP/2.0`, [
        ["Via", `SIP/2.0/tcp ${sentBy};branch=z9hG4bK${randomBytes(8).toString("hex").toUpperCase()}`],
        ["From", `<${user}>;tag=${randomInt(1, 2 ** 31)};epid=${epid}`],
        ["To", `<${user}>`],
        ["Max-Forwards", "70"],
        ["CSeq", `${this.#registers} REGISTER`],
        ["User-Agent", USER_AGENT],
        ["Call-ID", this.#registration],
        ["Contact", `<sip:${sentBy};transport=tcp>;+sip.instance="<urn:uuid:${this.#instance}>"`],
        ["Event", "registration"],
        ["Expires", String(expires)],
        ["Authorization", NTLM],
      ]),
    );
  }

  #dialog(dialled: string): ClientDialog {
    const dialog = new ClientDialog(this.#identity, dialled);
    this.#link.add(dialog);
    return dialog;
  }

  /**
   * Dials. On a 2xx the ACK and the first command leave in one segment; no other answer is ever acknowledged, and a
   * redirect is not followed. Gives the key of the command.
   */
  async #invite(dialog: ClientDialog, firstCommand: string, data = ""): Promise<string> {
    const answer = await this.#link.answer(this.#link.send(dialog.invite()), `INVITE ${dialog.dialled}`);
    dialog.answered = true;
    const status = statusOf(answer);
    if (status >= 300) {
      throw new StepFailure(`INVITE ${dialog.dialled} was answered "${reasonOf(answer)}"; ${consequence(status)}`);
    }
    const stumble = dialog.establish(answer);
    if (stumble !== undefined) this.#link.broken("lr", stumble);
    return this.#link.send(dialog.ack(), this.#info(dialog, command(this.#newEnvelope(), firstCommand, data)));
  }

  /** Waits for the 200 of an INFO. */
  async #accepted(dialog: ClientDialog, key: string, what: string): Promise<void> {
    const answer = await this.#link.answer(key, `INFO ${what}`, dialog);
    const status = statusOf(answer);
    if (status === 481) throw new DialogLost(`INFO ${what} was answered 481: the dialog is gone, look up again`);
    if (status === 200) return;
    throw new StepFailure(
      `INFO ${what} was answered "${reasonOf(answer)}"; the real client then sends UPDATE without end`,
    );
  }

  async #channelAddress(dialog: ClientDialog): Promise<string> {
    const reply = await this.#link.said(dialog, "the channel address", ({ id }) => id === "rpl:requri");
    const uri = attributeOf(reply, "uib", "uri");
    if (uri === undefined) throw new StepFailure("the pool's reply names no channel address");
    return uri;
  }

  async #replied(dialog: ClientDialog, key: string, name: string): Promise<void> {
    await this.#accepted(dialog, key, `cmd:${name}`);
    const reply = await this.#link.said(dialog, `the reply to cmd:${name}`, ({ id }) => id === `rpl:${name}`);
    const code = attributeOf(reply, "resp", "code");
    if (code !== "200") throw new StepFailure(`the pool refused cmd:${name} with code ${code}`);
  }

  #join(dialog: ClientDialog, room: string): Promise<void> {
    const key = this.#link.send(this.#info(dialog, command(this.#newEnvelope(), "join", roomId(room))));
    return this.#replied(dialog, key, "join");
  }

  async #chat(dialog: ClientDialog, room: string, line: string): Promise<string> {
    const { user } = this.#identity;
    const body = chatLine(this.#newEnvelope(), room, user, line);
    await this.#accepted(dialog, this.#link.send(this.#info(dialog, body)), "grpchat");
    const ours = (xccos: Xccos) => xccos.id === "grpchat" && attributeOf(xccos, "grpchat", "author") === user;
    const seen = chatLineOf(await this.#link.said(dialog, "the line that was said", ours)) ?? "";
    if (seen !== line) throw new StepFailure(`the line came back changed: "${seen}"`);
    return seen;
  }

  async #ended(dialog: ClientDialog, bye: string): Promise<void> {
    const answer = await this.#link.answer(bye, "BYE");
    this.#link.remove(dialog);
    if (statusOf(answer) !== 200) throw new StepFailure(`BYE was answered "${reasonOf(answer)}"`);
  }

  /** BYE and the end of the registration leave in one burst. */
  async #signOut(channel: ClientDialog): Promise<void> {
    const bye = this.#link.send(channel.bye());
    const unregister = this.#register(0);
    await this.#ended(channel, bye);
    await this.#link.answer(unregister, "REGISTER");
  }

  /**
   * Signs out after a failure, with a BYE for each dialog; it has no To tag where the INVITE was never answered. The
   * real client does not wait for what comes back; this one does for a second, so that the ladder shows it.
   */
  async #giveUp(): Promise<void> {
    if (!this.#link.open || this.#identity.gruu === "") return;
    this.#link.recover();
    const left = this.#link.dialogs.filter((dialog) => dialog.established || !dialog.answered);
    const sent = [...left.map((dialog) => this.#link.send(dialog.bye())), this.#register(0)];
    await Promise.allSettled(sent.map((key) => this.#link.answer(key, "sign-out", undefined, 1000)));
  }

  #info(dialog: ClientDialog, body: string): SipText {
    return dialog.request("INFO", [["Content-Type", XCCOS_TYPE]], body);
  }

  #newEnvelope(): number {
    this.#envelope += 1;
    return this.#envelope;
  }

  get #domain(): string {
    return uriParts(this.#identity.user).host;
  }
}

/** The status and reason of an answer, with what its sender says of the cause. */
function reasonOf(response: SipText): string {
  const why = header(response, "ms-diagnostics") ?? header(response, "Warning");
  return response.startLine.slice(8) + (why === undefined ? "" : ` (${why})`);
}

/** What a legacy client makes of an INVITE's failure. */
function consequence(status: number): string {
  if (status === 401) return "the real client sends the same INVITE again at once, for ever";
  if (status < 400) return "legacy clients do not follow a redirect: use mode proxy, or a front end that recurses";
  return "the real client leaves group chat off until the next sign-in";
}
