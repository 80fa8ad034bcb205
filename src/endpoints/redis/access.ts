import { uriHost } from "../host.ts";

/** A host (name or IP literal without brackets) and port. */
export interface RedisNode {
  readonly host: string;
  readonly port: number;
}

/** How Redis is reached. Plain data: it crosses to the store's process. */
export interface RedisAccess {
  /** One server; the nodes of a Cluster; or the Sentinels that know the primary called `name`. */
  readonly server:
    | { readonly kind: "standalone"; readonly node: RedisNode; readonly db: number }
    | { readonly kind: "cluster"; readonly nodes: readonly RedisNode[] }
    | {
        readonly kind: "sentinel";
        readonly name: string;
        readonly nodes: readonly RedisNode[];
        readonly db: number;
        readonly username?: string;
        readonly password?: string;
        readonly passwordFile?: string;
      };
  /** ACL user; absent = `default`. */
  readonly username?: string;
  readonly password?: string;
  /** Its first line is the password; read at each connect, so that it can be changed without a restart. */
  readonly passwordFile?: string;
  readonly tls?: RedisTls;
  /** In front of every key, and the hash tag that keeps them in one slot of a Cluster. */
  readonly prefix: string;
}

/** Paths of PEM files. */
export interface RedisTls {
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
  /** The name in the server's certificate where it is not the host. */
  readonly servername?: string;
}

/** The address for people, without user and password. */
export function placeOf({ server, tls, prefix }: RedisAccess): string {
  const scheme = tls === undefined ? "redis" : "rediss";
  const list = (nodes: readonly RedisNode[]) => nodes.map(({ host, port }) => `${uriHost(host)}:${port}`).join(",");
  switch (server.kind) {
    case "standalone":
      return `${scheme}://${list([server.node])}/${server.db} (${prefix})`;
    case "cluster":
      return `${scheme}-cluster://${list(server.nodes)} (${prefix})`;
    case "sentinel":
      return `${scheme}-sentinel://${list(server.nodes)}/${server.name}/${server.db} (${prefix})`;
  }
}
