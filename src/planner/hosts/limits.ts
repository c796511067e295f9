import type { Limits } from '../../resources/hosts.ts';
import { parseSize } from '../../resources/linux/mountinfo.ts';
import type { Facts } from './facts.ts';
import { describe, described, map, type Named, object, record, type Shape } from './shape.ts';
import { quote, showText } from './show.ts';
import { PAGE_BYTES, path, wholeNumber } from './values.ts';

/** `limits` as it is written. Null: `none`. */
export interface RawLimits {
  readonly pids?: number | null;
  readonly memory?: number | null;
  readonly cpu?: number | null;
  readonly io?: readonly Named<RawRates>[] | null;
}

interface RawRates {
  readonly read?: number;
  readonly write?: number;
}

/** PID_MAX_LIMIT of the kernel, of 64 bits. */
const MAX_PIDS = 4_194_304;
/** With less not even PID 1 comes up. */
const LEAST_MEMORY = 2 ** 20;
/** CONFIG_NR_CPUS is nowhere more. */
const MAX_CORES = 8192;

/** So many bytes; WHAT: how such a value is called. */
function size(what: string, least: number): Shape<number> {
  return {
    schema: {
      anyOf: [
        { type: 'integer', minimum: least },
        { type: 'string', pattern: '^0*[1-9][0-9]*[kKmMgG]?$' },
      ],
    },
    read(node, report) {
      if (node.kind !== 'scalar' || node.value === null || typeof node.value === 'boolean') {
        report(node, `${what} is wanted here, not ${describe(node)}`);
        return undefined;
      }
      const bytes = parseSize(node.source);
      if (bytes !== undefined && bytes >= least && Number.isSafeInteger(bytes)) return bytes;
      const why =
        bytes === undefined || bytes >= least
          ? 'a whole number of bytes, or of k, M or G'
          : `at least ${least < 1024 ? least : '1M'} is needed`;
      report(node, `${quote(node.source)} is not ${what}: ${why}`);
      return undefined;
    },
  };
}

const memory = map(size('a size like 512M', LEAST_MEMORY), (bytes) => Math.ceil(bytes / PAGE_BYTES) * PAGE_BYTES);

/** The kernel takes no quota below 1 ms in 100. */
const cpu: Shape<number> = {
  schema: { type: 'number', minimum: 0.01, maximum: MAX_CORES },
  read(node, report) {
    const value = node.kind === 'scalar' && typeof node.value === 'number' ? node.value : undefined;
    if (value !== undefined && value >= 0.01 && value <= MAX_CORES && Number(value.toFixed(2)) === value) return value;
    report(
      node,
      `a number of cores like 1.5, from 0.01 to ${MAX_CORES} in steps of 0.01, or none, is wanted here, not ${value === undefined ? describe(node) : showText(node.kind === 'scalar' ? node.source : '')}`,
    );
    return undefined;
  },
};

const rate = size('bytes in a second like 20M', 1);

const rates = object<RawRates>({
  read: described(rate, { title: 'Bytes read in a second', description: 'A number of bytes, or with k, M or G.', examples: ['20M'] }),
  write: described(rate, { title: 'Bytes written in a second', description: 'A number of bytes, or with k, M or G.', examples: ['10M'] }),
});

const io = record(
  map(path, ({ value }) => value),
  rates,
  {},
);

/** The word that takes away what the defaults say. */
function orNone<T>(shape: Shape<T>): Shape<T | null> {
  return {
    schema: { anyOf: [shape.schema, { const: 'none' }] },
    read: (node, report) => (node.kind === 'scalar' && node.value === 'none' ? null : shape.read(node, report)),
  };
}

export const limits: Shape<RawLimits> = object<RawLimits>({
  pids: described(orNone(wholeNumber(1, MAX_PIDS)), {
    title: 'Processes and threads',
    description: 'So many at most; one more fails to start (EAGAIN). "none": any number.',
    default: 2048,
    examples: [500, 'none'],
  }),
  memory: described(orNone(memory), {
    title: 'Memory',
    description: 'Bytes, or with k, M or G; files that are kept in memory count. What takes more is killed.',
    default: 'none',
    examples: ['512M'],
  }),
  cpu: described(orNone(cpu), {
    title: 'Processor time',
    description: 'Number of cores: 1.5 is one and a half.',
    default: 'none',
    examples: [1.5],
  }),
  io: described(orNone(io), {
    title: 'Traffic with disks, by disk',
    description:
      'A block device, or a path (relative to base) on a filesystem that is on one: bytes that are read and written in a second.',
    default: 'none',
    examples: [{ '/var/lib': { read: '20M', write: '10M' } }],
  }),
});

/** In its final form. BELOW makes a path absolute. */
export function toLimits(raw: RawLimits, below: (path: string) => string, facts: Facts): Limits | undefined {
  const { pids, memory, cpu, io } = raw;
  const rates = (io ?? []).flatMap(({ name, value }) => {
    const device = facts.disk?.(below(name.value))?.device;
    return device ? [{ device, ...value }] : [];
  });
  const limits = {
    ...(pids === undefined ? {} : { pids }),
    ...(memory == null ? {} : { memory }),
    ...(cpu == null ? {} : { cpu }),
    ...(rates.length > 0 ? { io: rates.sort((a, b) => a.device.localeCompare(b.device, 'en')) } : {}),
  };
  return Object.keys(limits).length > 0 ? limits : undefined;
}
