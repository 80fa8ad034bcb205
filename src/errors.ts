/** What a class of error means to each kind of caller. The page docs/errors.md lists the same codes; a test holds both together. */
export interface ErrorKind {
  /** HTTP status of the admin API. */
  readonly http: number;
  /** What to do next, one sentence for a person. */
  readonly remedy: string;
}

/** Every error that Waypost reports by code. Add a row here and in docs/errors.md together. */
export const ERRORS = {
  CONFIG_NOT_FOUND: {
    http: 500,
    remedy: "Name the configuration with --config FILE or WAYPOST_CONFIG, or create /etc/waypost/waypost.yaml.",
  },
  CONFIG_INVALID: { http: 500, remedy: "Correct the named line; `waypost check` shows whether it is right." },
  LISTENER_FAILED: {
    http: 500,
    remedy: "Free the address and port, or change `listen`; `ss -lnptu` shows who holds it.",
  },
  ADMIN_FAILED: {
    http: 500,
    remedy: "Free the port, change `admin.port`, or take the group `admin` out of the configuration.",
  },
  ADMIN_ABSENT: {
    http: 500,
    remedy: "Give the configuration a group `admin` with a port, and the gateway a restart or SIGUSR2.",
  },
  ADMIN_SILENT: {
    http: 503,
    remedy: "Run the command on the gateway's machine with its configuration, while it runs.",
  },
  CERTIFICATE_INVALID: {
    http: 500,
    remedy: "Correct or replace the named file; `waypost check` shows whether it is right.",
  },
  TABLE_INVALID: {
    http: 422,
    remedy: "Correct the named line of the endpoint file; the last good table stays in force.",
  },
  TABLE_UNREADABLE: { http: 500, remedy: "Check that the endpoint file exists and may be read and written." },
  TABLE_LOCKED: { http: 503, remedy: "Another change is being written; try again in a moment." },
  STORE_FULL: { http: 507, remedy: "Free disk space and repeat the change; nothing was lost." },
  ADDRESS_INVALID: { http: 422, remedy: "Give a SIP address such as sip:ocschat@contoso.com." },
  ADDRESS_TAKEN: { http: 409, remedy: "Change the existing endpoint, or remove it first." },
  POOL_INVALID: { http: 422, remedy: "Give the pool's fully qualified domain name, such as pcpool.contoso.com." },
  POOL_IS_SELF: { http: 422, remedy: "Name the Persistent Chat pool, not this gateway." },
  SETTING_INVALID: { http: 422, remedy: "Correct the named setting." },
  ENGINE_UNABLE: {
    http: 422,
    remedy: "Change the named setting, or the configuration: docs/engines.md says what each engine can do.",
  },
  ENGINE_REFUSED: {
    http: 500,
    remedy: "Make `drachtio.secret` or `secretFile` the secret in the <admin> of drachtio.conf.xml, and start again.",
  },
  IMPORT_INVALID: { http: 422, remedy: "Correct the named lines and import again; nothing was changed." },
  POOL_SILENT: {
    http: 422,
    remedy:
      "See `waypost doctor` for what is wrong, or do it all the same with --force and --reason (-Force, -Reason).",
  },
  POOL_IS_GATEWAY: {
    http: 422,
    remedy: "Name the Persistent Chat pool, or do it all the same with --force and --reason (-Force, -Reason).",
  },
  ENDPOINT_UNKNOWN: { http: 404, remedy: "List the endpoints to see which addresses exist." },
  CHANGED_MEANWHILE: { http: 409, remedy: "Look at the row as it is now and repeat the change." },
  REVISION_UNKNOWN: {
    http: 404,
    remedy: "List the revisions with `waypost history`; old ones are dropped at the bound `store.history`.",
  },
  UNDO_REFUSED: {
    http: 409,
    remedy: "Undo the later revisions first, or set the endpoint by hand; `waypost history ADDRESS` lists them.",
  },
  NOT_IN_FORCE: {
    http: 504,
    remedy: "The change is stored all the same; `waypost status` shows which gateways run it.",
  },
  CHANGE_TOO_LARGE: { http: 413, remedy: "Cut the change in parts." },
  STORE_UNREACHABLE: {
    http: 503,
    remedy: "Bring Redis back and repeat the change; calls go on meanwhile with the table in memory.",
  },
  STORE_ENDED: { http: 500, remedy: "The gateway starts it again; calls go on meanwhile with the table in memory." },
  TABLE_SUSPICIOUS: {
    http: 409,
    remedy: "`waypost table restore` brings the last good table back; `waypost table accept` takes what is stored now.",
  },
  NOTHING_TO_SETTLE: { http: 409, remedy: "`waypost status` shows how the store is." },
  NOT_DRAINED: { http: 409, remedy: "`waypost pools` shows which addresses are drained." },
  NOT_REGISTERED: {
    http: 404,
    remedy:
      "Let the endpoint ask for it with `waypost endpoint set ADDRESS --register`, and give the configuration a `registrar`.",
  },
  USAGE: { http: 400, remedy: "See --help." },
} as const satisfies Record<string, ErrorKind>;

export type ErrorCode = keyof typeof ERRORS;

/** An error with a stable code, a message that says what is wrong and where, and a remedy. */
export class WaypostError extends Error {
  readonly code: ErrorCode;

  /** @param message what is wrong and where, as one sentence without the remedy */
  constructor(code: ErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = "WaypostError";
    this.code = code;
  }

  get remedy(): string {
    return ERRORS[this.code].remedy;
  }

  /** The HTTP status for it. */
  get http(): number {
    return ERRORS[this.code].http;
  }
}
