import { readFileSync, writeFileSync } from 'node:fs';

/** Modules of Node's own that are not in the snapshot, as they are not yet loaded, and that a run of ob loads. */
const LOADED_LATER = [
  'child_process',
  'dgram',
  'internal/child_process',
  'internal/dgram',
  'internal/fs/dir',
  'internal/fs/promises',
  'internal/fs/recursive_watch',
  'internal/fs/rimraf',
  'internal/fs/streams',
  'internal/fs/sync_write_stream',
  'internal/fs/watchers',
  'internal/histogram',
  'internal/perf/event_loop_delay',
  'internal/perf/event_loop_utilization',
  'internal/perf/nodetiming',
  'internal/perf/performance',
  'internal/perf/resource_timing',
  'internal/perf/timerify',
  'internal/perf/usertiming',
  'internal/readline/callbacks',
  'internal/readline/interface',
  'internal/readline/utils',
  'internal/socket_list',
  'internal/tty',
  'internal/util/colors',
  'internal/util/comparisons',
  'net',
  'perf_hooks',
  'tty',
];

/** Nobody has fewer modules, and nothing else in a snapshot looks like so many of them. */
const FEWEST = 50;

/**
 * Takes out of a snapshot (a file) what Node has compiled of its own modules and no run asks for: that is nearly half of the
 * file, and all of it is read, copied and copied again at each start. It is the last part of the file: their number, then for
 * each its name and its bytes, each with its length in front (src/node_snapshotable.cc). False: it has no such part, and is
 * left as it is.
 */
export function dropCodeCache(path) {
  const bytes = readFileSync(path);
  for (let at = bytes.length - FEWEST; at >= 0; at--) {
    const modules = bytes.readUInt16LE(at) >= FEWEST ? readModules(bytes, at) : undefined;
    if (!modules) continue;
    const kept = modules.filter(({ name }) => LOADED_LATER.includes(name));
    writeFileSync(path, Buffer.concat([bytes.subarray(0, at), lengthOf(kept.length), ...kept.map(({ bytes }) => bytes)]));
    return true;
  }
  return false;
}

/** Undefined: they do not begin here and end where the file ends. */
function readModules(bytes, at) {
  let next = at;
  const readLength = () => {
    const length = next + 8 <= bytes.length ? Number(bytes.readBigUInt64LE(next)) : Number.NaN;
    next += 8;
    return length;
  };
  const modules = [];
  for (let left = readLength(); left > 0; left--) {
    const begin = next;
    const end = readLength() + next;
    const name = end <= begin + 100 ? bytes.toString('latin1', next, end) : '';
    if (!/^[a-z_][\w/-]*$/.test(name)) return undefined;
    next = end;
    next = readLength() + next;
    if (!(next <= bytes.length)) return undefined;
    modules.push({ name, bytes: bytes.subarray(begin, next) });
  }
  return next === bytes.length && modules.length >= FEWEST ? modules : undefined;
}

function lengthOf(number) {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(number));
  return bytes;
}
