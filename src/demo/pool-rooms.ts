import { randomBytes } from "node:crypto";
import type { PoolDialog } from "./pool-dialog.ts";
import { attributeOf, chatLineOf, chatNotice, escapeXml, reply, type Xccos } from "./xccos.ts";

/** A chat room; `uri` has the form `ma-chan://domain/id`. */
export interface Room {
  readonly uri: string;
  readonly name: string;
}

/** What the pool says, and in which dialog. */
export interface Saying {
  readonly dialog: PoolDialog;
  readonly body: string;
}

/** What a pool does with the commands that reach it: which INFOs of its own answer them. */
export class PoolRooms {
  readonly #rooms: readonly Room[];
  readonly #channelAddress: string;

  constructor(rooms: readonly Room[], channelAddress: string) {
    this.#rooms = rooms;
    this.#channelAddress = channelAddress;
  }

  /** @param everyone all dialogs of the pool, since a line of chat goes to each that has joined the room */
  obey(xccos: Xccos, dialog: PoolDialog, everyone: Iterable<PoolDialog>): Saying[] {
    const answer = (data: string, code = 200, text = "SUCCESS_OK") => [
      { dialog, body: reply(envelopeId(), xccos, code, text, data) },
    ];
    switch (xccos.id) {
      case "cmd:requri":
        return answer(`<uib uri="${escapeXml(this.#channelAddress)}"/>`);
      case "cmd:chansrch":
        return answer(this.#rooms.map((room) => channel(room)).join(""));
      case "cmd:join":
      case "cmd:bjoin": {
        const [domain, value] = ["domain", "value"].map((name) => attributeOf(xccos, "chanid", name));
        const room = this.#rooms.find(({ uri }) => uri === `ma-chan://${domain}/${value}`);
        if (room === undefined) return answer("", 404, "NO_SUCH_ROOM");
        dialog.rooms.add(room.uri);
        const user = escapeXml(dialog.user);
        return answer(`${channel(room, '<aib key="3984" value="0"/>')}<uib id="0" uri="${user}" uname="${user}"/>`);
      }
      case "cmd:part":
        dialog.rooms.clear();
        return answer("");
      case "grpchat":
        return chat(xccos, everyone);
      default:
        return answer("");
    }
  }
}

function chat(xccos: Xccos, everyone: Iterable<PoolDialog>): Saying[] {
  const room = attributeOf(xccos, "grpchat", "chanUri") ?? "";
  const author = attributeOf(xccos, "grpchat", "author") ?? "";
  const body = chatNotice(envelopeId(), room, author, chatLineOf(xccos) ?? "", new Date());
  return [...everyone].filter(({ rooms }) => rooms.has(room)).map((dialog) => ({ dialog, body }));
}

function channel(room: Room, members = ""): string {
  const [name, uri] = [escapeXml(room.name), escapeXml(room.uri)];
  return `<chanib name="${name}" description="" uri="${uri}" topic="">${members}</chanib>`;
}

function envelopeId(): string {
  return BigInt(`0x${randomBytes(7).toString("hex")}`).toString();
}
