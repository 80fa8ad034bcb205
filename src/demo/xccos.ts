/**
 * The few XCCOS bodies (MS-XCCOSIP) that the sample actors exchange: written like those of SIPE 1.25.0 and of a Lync
 * 2013 pool, read with as little as the actors need. Waypost itself never looks at them.
 */

/** The content type of every XCCOS body. */
export const XCCOS_TYPE = "text/plain";

/** A body, read as far as the actors care. */
export interface Xccos {
  /** The id of the one element inside the envelope: `cmd:requri`, `rpl:join`, `grpchat`, … */
  readonly id: string;
  readonly envelopeId: string;
  readonly sequence: string;
  readonly text: string;
}

/** Reads a body; undefined when it is no XCCOS. */
export function readXccos(body: Buffer): Xccos | undefined {
  const text = body.toString("utf8");
  const match = /^<xccos\b([^>]*)>\s*<(cmd|rpl|ntc|grpchat)\b([^>]*)>/.exec(text);
  if (match === null) return undefined;
  return {
    id: attribute(match[3]!, "id") ?? match[2]!,
    envelopeId: attribute(match[1]!, "envid") ?? "",
    sequence: attribute(match[3]!, "seqid") ?? "1",
    text,
  };
}

/** The value of an attribute of the first such element, XML entities resolved. */
export function attributeOf(xccos: Xccos, element: string, name: string): string | undefined {
  const tag = new RegExp(`<${element}\\b([^>]*)>`).exec(xccos.text);
  return tag === null ? undefined : attribute(tag[1]!, name);
}

/** The text of the chat line in a `grpchat`. */
export function chatLineOf(xccos: Xccos): string | undefined {
  const match = /<chat>([^<]*)<\/chat>/.exec(xccos.text);
  return match === null ? undefined : unescapeXml(match[1]!);
}

/** A client's command. */
export function command(envelopeId: number, name: string, data = ""): string {
  const content = data === "" ? "<data/>" : `<data>${data}</data>`;
  return clientEnvelope(envelopeId, `<cmd id="cmd:${name}" seqid="1">${content}</cmd>`);
}

/** A client's line of chat. */
export function chatLine(envelopeId: number, room: string, author: string, line: string): string {
  return clientEnvelope(envelopeId, grpchat(room, author, line, ""));
}

/** The data of `cmd:join` for a room `ma-chan://domain/value`. */
export function roomId(room: string): string {
  const [, domain = "", value = ""] = /^ma-chan:\/\/([^/]+)\/(.+)$/.exec(room) ?? [];
  return `<chanid key="0" domain="${escapeXml(domain)}" value="${escapeXml(value)}"/>`;
}

/** The pool's reply to a command. */
export function reply(envelopeId: string, to: Xccos, code: number, text: string, data: string): string {
  const name = to.id.replace(/^cmd:/, "rpl:");
  return poolEnvelope(
    envelopeId,
    `<rpl id="${name}" seqid="1"><commandid seqid="${to.sequence}" envid="${to.envelopeId}"/>` +
      `<resp code="${code}">${text}</resp><data>${data}</data></rpl>`,
  );
}

/** A line of chat as the pool hands it to everyone in the room. */
export function chatNotice(envelopeId: string, room: string, author: string, line: string, time: Date): string {
  return poolEnvelope(envelopeId, grpchat(room, author, line, ` ts="${time.toISOString()}"`));
}

export function escapeXml(text: string): string {
  return text.replace(/[&<>"]/g, (char) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" })[char]!);
}

function unescapeXml(text: string): string {
  const entities: Record<string, string> = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'" };
  return text.replace(/&(amp|lt|gt|quot|apos);/g, (_, name: string) => entities[name]!);
}

function attribute(attributes: string, name: string): string | undefined {
  const match = new RegExp(`(?:^|\\s)${name}="([^"]*)"`).exec(attributes);
  return match === null ? undefined : unescapeXml(match[1]!);
}

function grpchat(room: string, author: string, line: string, more: string): string {
  return (
    `<grpchat id="grpchat" seqid="1" chanUri="${escapeXml(room)}" author="${escapeXml(author)}"${more}>` +
    `<chat>${escapeXml(line)}</chat></grpchat>`
  );
}

function clientEnvelope(id: number, content: string): string {
  return `<xccos ver="1" envid="${id}" xmlns="urn:parlano:xml:ns:xccos">${content}</xccos>`;
}

function poolEnvelope(id: string, content: string): string {
  return (
    '<xccos xmlns:xsd="http://www.w3.org/2001/XMLSchema" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" ' +
    `ver="1" envid="${id}" xmlns="urn:parlano:xml:ns:xccos">${content}</xccos>`
  );
}
