/** What a TLS client said it can do, for explaining why that was not enough. */
export interface ClientHello {
  /** The highest version offered, as on the wire: 0x0301 is TLS 1.0. */
  readonly version: number;
  /** Cipher suites without signalling values. */
  readonly suites: readonly number[];
}

const HANDSHAKE = 22;
const CLIENT_HELLO = 1;
const SUPPORTED_VERSIONS = 43;
/** RFC 5746 and RFC 7507: they look like suites and are none. */
const SIGNALLING = new Set([0x00ff, 0x5600]);
/** Suites on RC4, DES, 3DES or nothing: OpenSSL 3 as built into Node has none of them. */
const GONE = new Set([
  0x0001, 0x0002, 0x0003, 0x0004, 0x0005, 0x0006, 0x0008, 0x0009, 0x000a, 0x000b, 0x000c, 0x000d, 0x000e, 0x000f,
  0x0010, 0x0011, 0x0012, 0x0013, 0x0014, 0x0015, 0x0016, 0x0017, 0x0018, 0x0019, 0x001a, 0x001b, 0x0062, 0x0064,
  0xc002, 0xc003, 0xc007, 0xc008, 0xc00c, 0xc00d, 0xc011, 0xc012, 0xc016, 0xc017,
]);

/** True for bytes that begin a TLS connection: a handshake record, or the hello of SSL 2 that very old clients open with. */
export function looksLikeTls(bytes: Buffer): boolean {
  return bytes[0] === HANDSHAKE || (bytes[0]! >= 0x80 && (bytes.length < 3 || bytes[2] === CLIENT_HELLO));
}

/** Reads a ClientHello (RFC 8446 §4.1.2) at the start of a connection; undefined when it is not there as a whole. */
export function readClientHello(bytes: Buffer): ClientHello | undefined {
  try {
    return read(bytes);
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

function read(bytes: Buffer): ClientHello | undefined {
  if (bytes[0] !== HANDSHAKE || bytes[5] !== CLIENT_HELLO) return undefined;
  let version = bytes.readUInt16BE(9);
  let at = 43;
  at += 1 + bytes.readUInt8(at);
  const suitesEnd = at + 2 + bytes.readUInt16BE(at);
  const suites: number[] = [];
  for (at += 2; at < suitesEnd; at += 2) {
    const suite = bytes.readUInt16BE(at);
    if (!SIGNALLING.has(suite) && !isGrease(suite)) suites.push(suite);
  }
  at += 1 + bytes.readUInt8(at);
  if (at >= bytes.length) return { version, suites };
  const end = at + 2 + bytes.readUInt16BE(at);
  for (at += 2; at < end; ) {
    const type = bytes.readUInt16BE(at);
    const length = bytes.readUInt16BE(at + 2);
    at += 4;
    if (type === SUPPORTED_VERSIONS) {
      for (let i = at + 1; i < at + length; i += 2) {
        const offered = bytes.readUInt16BE(i);
        if (!isGrease(offered)) version = Math.max(version, offered);
      }
    }
    at += length;
  }
  return { version, suites };
}

/** RFC 8701: values that mean nothing, sent so that servers keep ignoring what they do not know. */
function isGrease(value: number): boolean {
  return (value & 0x0f0f) === 0x0a0a && value >> 8 === (value & 0xff);
}

/** `TLS 1.0`, from its number on the wire. */
export function versionName(version: number): string {
  return version <= 0x0300 ? "SSL 3" : `TLS 1.${(version & 0xff) - 1}`;
}

/** True when all that is offered are suites which Node cannot do. */
export function offersOnlyGoneSuites({ suites }: ClientHello): boolean {
  return suites.length > 0 && suites.every((suite) => GONE.has(suite));
}
