import { once } from "node:events";
import { mkdir, writeFile } from "node:fs/promises";
import net from "node:net";
import { join } from "node:path";
import { CMDLETS } from "../../src/cli/cmdlets/declarations.ts";
import type { Outcome, Place, Surroundings } from "./place.ts";

const base64 = (text: string) => Buffer.from(text).toString("base64");
const plain = (text: string) => Buffer.from(text, "base64");

/**
 * Puts commands into the PATH of a place that have their work done by the test's own process: a page of thirty commands
 * costs no thirty starts of Node. The shell is a real one, and so are its quotes, variables and pipes. Paths count from
 * the process's working directory, so that has to be the place.
 */
export async function serveCommands(t: { teardown(undo: () => unknown): void }, place: Place): Promise<void> {
  const server = net.createServer((socket) => {
    socket.on("error", () => undefined);
    let text = "";
    socket.setEncoding("latin1").on("data", async (part: string) => {
      text += part;
      if (!text.endsWith("\n\n")) return;
      const [piped, name = "", ...words] = text
        .trimEnd()
        .split("\n")
        .map((line) => line.slice(1));
      const around = piped === "" ? {} : { piped: plain(piped!.slice(1)) };
      const { status, out, err } = await run(
        place,
        plain(name).toString(),
        words.map((word) => plain(word).toString()),
        around,
      );
      socket.end(`${status}\n${base64(out)}\n${base64(err)}\n`);
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.teardown(() => server.close());
  const { port } = server.address() as net.AddressInfo;
  const bin = join(place.directory, "bin");
  await mkdir(bin);
  for (const name of ["waypost", ...CMDLETS.map((cmdlet) => cmdlet.name)]) {
    await writeFile(join(bin, name), CLIENT.replace("PORT", String(port)), { mode: 0o755 });
  }
}

/** Sends standard input when it is a pipe, its name and its words, a line each, then an empty line. */
const CLIENT = `#!/bin/bash
exec 3<>/dev/tcp/127.0.0.1/PORT
piped=""
if [ -p /dev/stdin ]; then piped="=$(base64 -w0)"; fi
printf -- '-%s\\n' "$piped" >&3
for word in "\${0##*/}" "$@"; do printf -- '-%s\\n' "$(printf %s "$word" | base64 -w0)" >&3; done
echo >&3
read -r status <&3; read -r out <&3; read -r err <&3
printf %s "$out" | base64 -d
printf %s "$err" | base64 -d >&2
exit "$status"
`;

function run(place: Place, name: string, words: readonly string[], around: Surroundings): Promise<Outcome> {
  return name === "waypost" ? place.waypost(words, around) : place.cmdlet(name, words, around);
}
