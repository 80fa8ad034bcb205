import { isIP } from "node:net";
import { type FastifyInstance, type FastifyReply, type FastifyRequest, fastify } from "fastify";
import { hostPort } from "../address.ts";
import { WaypostError } from "../errors.ts";
import { sourceNamed } from "../guard/sources.ts";
import type { ReadinessReport } from "../observe/readiness.ts";
import type { CallerReport } from "../observe/usage.ts";

/** What the administration shows. Each is asked when somebody asks. */
export interface AdminSources {
  readiness(): ReadinessReport;
  /** All metrics as a page in the text format of Prometheus. */
  metrics(): Promise<{ readonly type: string; readonly text: string }>;
  /** Who is kept out; `until` in ms since 1970. */
  bans(): Promise<readonly { readonly source: string; readonly why: string; readonly until: number }[]>;
  /** Ends the ban of an address, or all. @returns how many ended */
  liftBans(address: string | undefined): Promise<number>;
  /** @param endpoint the address as somebody writes it; absent = of every address */
  callers(endpoint: string | undefined): Promise<CallerReport>;
  /** How one legacy address, or each that asks for it, is registered. */
  registrations(endpoint: string | undefined): Promise<readonly object[]>;
  /** Registers one address, or all, anew. @returns how many that are */
  register(endpoint: string | undefined): Promise<number>;
}

/** How long a client may take to send its request. */
const REQUEST_TIMEOUT_MS = 10_000;
/** Nothing that the administration takes is larger. */
const BODY_LIMIT = 65_536;

/** The HTTP server for operators and their machines. It knows no engine and no store: it shows what it is given. */
export class AdminServer {
  readonly host: string;
  /** As it was really bound. */
  readonly port: number;
  readonly #app: FastifyInstance;

  private constructor(app: FastifyInstance, host: string, port: number) {
    this.#app = app;
    this.host = host;
    this.port = port;
  }

  /**
   * Binds the address and serves.
   * @param at an IP literal, and a port (0 = any); `names` by which it may be asked besides IP addresses and `localhost`
   * @throws WaypostError ADMIN_FAILED, naming the address and what is wrong with it
   */
  static async start(
    at: { readonly host: string; readonly port: number; readonly names: readonly string[] },
    sources: AdminSources,
  ): Promise<AdminServer> {
    const app = fastify({
      logger: false,
      forceCloseConnections: true,
      bodyLimit: BODY_LIMIT,
      requestTimeout: REQUEST_TIMEOUT_MS,
      // A parameter that is mistyped, or given twice, must not do something else than was meant.
      ajv: { customOptions: { removeAdditional: false, coerceTypes: false } },
    });
    app.addHook("onRequest", guard(at.names));
    app.setNotFoundHandler((request, reply) => {
      reply.code(404).send({ error: { code: "NOT_FOUND", message: `there is no ${request.method} ${request.url}` } });
    });
    app.setErrorHandler((error, _request, reply) => void answerError(reply, error));
    declareRoutes(app, sources);
    declareRegistrations(app, sources);
    try {
      await app.listen({ host: at.host, port: at.port });
    } catch (error) {
      await app.close();
      throw new WaypostError("ADMIN_FAILED", `the administration cannot be served at ${explain(at, error)}`, {
        cause: error,
      });
    }
    const bound = app.server.address();
    return new AdminServer(app, at.host, typeof bound === "object" && bound !== null ? bound.port : at.port);
  }

  /** Closes it, with whoever is connected. */
  async close(): Promise<void> {
    await this.#app.close();
  }
}

function declareRoutes(app: FastifyInstance, sources: AdminSources): void {
  app.get("/livez", async () => ({ alive: true }));
  app.get("/readyz", async (_request, reply) => {
    const report = sources.readiness();
    return reply.code(report.ready ? 200 : 503).send(report);
  });
  app.get("/metrics", async (_request, reply) => {
    const { type, text } = await sources.metrics();
    return reply.type(type).send(text);
  });
  app.get("/bans", async () => ({
    bans: (await sources.bans()).map((ban) => ({ ...ban, until: new Date(ban.until).toISOString() })),
  }));
  app.delete<{ Querystring: { address?: string; all?: string } }>(
    "/bans",
    { schema: parameters("address", "all") },
    async ({ query: { address, all } }, reply) => {
      if ((address === undefined) === (all === undefined)) {
        const message = "say whose ban ends: ?address=192.0.2.9, or ?all=true";
        return reply.code(400).send({ error: { code: "BAD_REQUEST", message } });
      }
      if (address !== undefined && sourceNamed(address) === undefined) {
        const message = `${address} is no IP address; GET /bans lists who is banned`;
        return reply.code(400).send({ error: { code: "BAD_REQUEST", message } });
      }
      return { lifted: await sources.liftBans(address) };
    },
  );
  app.get<{ Querystring: { endpoint?: string } }>("/callers", { schema: parameters("endpoint") }, async ({ query }) => {
    const { callers, forgotten } = await sources.callers(query.endpoint);
    const time = (ms: number): string => new Date(ms).toISOString();
    return {
      callers: callers.map((caller) => ({ ...caller, firstAt: time(caller.firstAt), lastAt: time(caller.lastAt) })),
      forgotten,
    };
  });
}

function declareRegistrations(app: FastifyInstance, sources: AdminSources): void {
  const schema = parameters("endpoint");
  app.get<{ Querystring: { endpoint?: string } }>("/registrations", { schema }, async ({ query: { endpoint } }) => {
    const registrations = await sources.registrations(endpoint);
    if (endpoint !== undefined && registrations.length === 0) throw notRegistered(endpoint);
    return { registrations };
  });
  app.post<{ Querystring: { endpoint?: string } }>("/registrations/refresh", { schema }, async ({ query }, reply) => {
    const { endpoint } = query;
    const count = await sources.register(endpoint);
    if (count > 0 || endpoint === undefined) return reply.code(202).send({ count });
    throw notRegistered(endpoint);
  });
}

function notRegistered(endpoint: string): WaypostError {
  return new WaypostError("NOT_REGISTERED", `${endpoint} is no endpoint that this gateway registers`);
}

/** These query parameters, each at most once, and no others. */
function parameters(...names: string[]): object {
  const properties = Object.fromEntries(names.map((name) => [name, { type: "string" }]));
  return { querystring: { type: "object", properties, additionalProperties: false } };
}

/** Tell nothing but that the gateway lives and is ready. */
const FOR_EVERYBODY: ReadonlySet<string> = new Set(["/livez", "/readyz"]);

/**
 * Keeps web pages out: one that a person looks at who may come here must not read or change anything, neither by a
 * request to another origin nor by a name of its own that it lets lead to our address.
 */
function guard(names: readonly string[]) {
  const own = new Set(["localhost", ...names.map((name) => name.toLowerCase())]);
  return async (request: FastifyRequest, reply: FastifyReply): Promise<void> => {
    const { hostname } = request;
    if (request.headers.origin !== undefined) await refuse(reply, "requests of web pages are not taken");
    else if (!isAddress(hostname) && !own.has(hostname.toLowerCase()) && !FOR_EVERYBODY.has(request.url)) {
      await refuse(reply, `this is not ${hostname}: ask by address, or put the name into admin.names`);
    }
  };
}

function isAddress(name: string): boolean {
  return isIP(name.startsWith("[") ? name.slice(1, name.indexOf("]")) : name) !== 0;
}

async function refuse(reply: FastifyReply, message: string): Promise<void> {
  await reply.code(403).send({ error: { code: "FORBIDDEN", message } });
}

function answerError(reply: FastifyReply, error: unknown): void {
  if (error instanceof WaypostError) {
    const { code, message, remedy } = error;
    reply.code(error.http).send({ error: { code, message, remedy } });
    return;
  }
  const { statusCode = 500, message } = error as Error & { statusCode?: number };
  reply.code(statusCode).send({ error: { code: statusCode < 500 ? "BAD_REQUEST" : "INTERNAL", message } });
}

function explain({ host, port }: { host: string; port: number }, error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  const place = `http://${hostPort(host, port)}`;
  if (code === "EADDRINUSE") return `${place}: the port is taken, perhaps by another gateway on this machine`;
  if (code === "EADDRNOTAVAIL") return `${place}: this machine has no such address`;
  if (code === "EACCES") return `${place}: this user may not use that port`;
  return `${place}: ${message}`;
}
