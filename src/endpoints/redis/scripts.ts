/**
 * What Redis does in one step, so that nobody ever sees half of a change. All keys carry the same hash tag, so that a
 * Cluster keeps them together.
 */

export interface TableKeys {
  /** Hash: comparison key to the row's JSON. */
  readonly rows: string;
  /** Hash: what the table is at; see {@link Head}. */
  readonly head: string;
  /** Stream: the history and the feed of changes; an entry's id is its revision. */
  readonly changes: string;
  /** Hash: rows on their way to a restored table. */
  readonly incoming: string;
  /** Hash: the name of a gateway to its last report. */
  readonly gateways: string;
  /** Hash: what operators said of addresses, by place. */
  readonly drained: string;
  /** String that is there as long as the gateway reports. */
  gateway(name: string): string;
}

export function tableKeys(prefix: string): TableKeys {
  const tag = `{${prefix}}`;
  return {
    rows: `${tag}:rows`,
    head: `${tag}:head`,
    changes: `${tag}:changes`,
    incoming: `${tag}:incoming`,
    gateways: `${tag}:gateways`,
    drained: `${tag}:drained`,
    gateway: (name) => `${tag}:gateway:${name}`,
  };
}

/** Fields of the head, in the order in which the scripts give them. */
export const HEAD_FIELDS = ["lineage", "revision", "hash", "chain", "count", "replaces"] as const;

const READ_HEAD = `
local time = redis.call('TIME')
local head = redis.call('HMGET', KEYS[2], 'lineage', 'revision', 'hash', 'chain', 'count', 'replaces')
local result = { time[1] .. '.' .. time[2], redis.call('HLEN', KEYS[1]) }
for i = 1, 6 do result[2 + i] = head[i] or '' end
`;

/**
 * KEYS rows, head. ARGV: comparison keys.
 * Gives time, number of rows, the fields of the head, and the row at each key ('' where there is none).
 */
export const READ = `${READ_HEAD}
for i = 1, #ARGV do result[8 + i] = redis.call('HGET', KEYS[1], ARGV[i]) or '' end
return result
`;

/**
 * One change. KEYS rows, head, changes. ARGV: deadline (ms of Redis's clock), expected revision and chain, lineage,
 * new revision, table hash, chain, count, the history entry's JSON, bound of the history, number of keys to remove,
 * these keys, then pairs of key and row to set.
 * Gives OK; LATE when the deadline has passed (a command that waited in a paused server's socket must not happen after
 * its sender was told that it did not); MOVED when another change was faster; DAMAGED when rows are missing.
 */
export const COMMIT = `
local time = redis.call('TIME')
if time[1] * 1000 + time[2] / 1000 > tonumber(ARGV[1]) then return 'LATE' end
local head = redis.call('HMGET', KEYS[2], 'revision', 'chain', 'count')
if (head[1] or '') ~= ARGV[2] or (head[2] or '') ~= ARGV[3] then return 'MOVED' end
if redis.call('HLEN', KEYS[1]) ~= tonumber(head[3] or '0') then return 'DAMAGED' end
if ARGV[2] == '' then redis.call('DEL', KEYS[3]) end
redis.call('XADD', KEYS[3], 'MAXLEN', ARGV[10], ARGV[5] .. '-0', 'entry', ARGV[9])
local removals = tonumber(ARGV[11])
for i = 12, 11 + removals do redis.call('HDEL', KEYS[1], ARGV[i]) end
for i = 12 + removals, #ARGV, 2 do redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1]) end
redis.call('HSET', KEYS[2], 'lineage', ARGV[4], 'revision', ARGV[5], 'hash', ARGV[6], 'chain', ARGV[7], 'count', ARGV[8])
return 'OK'
`;

/**
 * Puts another table in the place of what is stored, by a person's decision. KEYS rows, head, changes, incoming.
 * ARGV: expected revision and chain, lineage, new revision, table hash, chain, count, the history entry's JSON, the
 * lineage that this one replaces, and 1 to take the rows from \`incoming\`, 0 to keep those that are stored.
 * Gives OK, or MOVED.
 */
export const SETTLE = `
local head = redis.call('HMGET', KEYS[2], 'revision', 'chain')
if (head[1] or '') ~= ARGV[1] or (head[2] or '') ~= ARGV[2] then return 'MOVED' end
if ARGV[10] == '1' then
  redis.call('UNLINK', KEYS[1])
  if redis.call('EXISTS', KEYS[4]) == 1 then redis.call('RENAME', KEYS[4], KEYS[1]) end
end
if redis.call('HLEN', KEYS[1]) ~= tonumber(ARGV[7]) then return 'MOVED' end
redis.call('DEL', KEYS[3])
redis.call('XADD', KEYS[3], ARGV[4] .. '-0', 'entry', ARGV[8])
redis.call('HSET', KEYS[2], 'lineage', ARGV[3], 'revision', ARGV[4], 'hash', ARGV[5], 'chain', ARGV[6], 'count', ARGV[7], 'replaces', ARGV[9])
return 'OK'
`;
