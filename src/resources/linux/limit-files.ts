import { writeFileSync } from 'node:fs';
import type { IoLimit, Limits } from '../hosts.ts';
import type { Controller } from './controllers.ts';
import { readIfThere } from './proc.ts';

// What a controller's files in a cgroup say, and how they are written: cgroup-v2.rst, and cgroup-v1/ of the kernel's manual.

/** A limit in its files. Undefined: there is none. */
interface Form<T> {
  read(folder: string): T | undefined;
  write(folder: string, value: T | undefined): void;
}

type Value<C extends Controller> = NonNullable<Limits[C]>;
type Forms = { readonly [C in Controller]: Form<Value<C>> };

const pids: Form<number> = {
  read: (folder) => numberIn(`${folder}/pids.max`),
  write: (folder, value) => writeFileSync(`${folder}/pids.max`, String(value ?? 'max')),
};

/** In µs; the kernel's own, and the one that it has nothing finer for. */
const PERIOD = 100_000;

function cores(quota: number | undefined, period: number | undefined): number | undefined {
  return quota === undefined || !period ? undefined : Number((quota / period).toFixed(4));
}

const V2: Forms = {
  pids,
  memory: {
    read: (folder) => numberIn(`${folder}/memory.max`),
    write: (folder, value) => writeFileSync(`${folder}/memory.max`, String(value ?? 'max')),
  },
  cpu: {
    read(folder) {
      const [quota, period] = (readIfThere(`${folder}/cpu.max`) ?? '').trim().split(' ');
      return cores(toNumber(quota), toNumber(period));
    },
    write: (folder, value) => writeFileSync(`${folder}/cpu.max`, `${value === undefined ? 'max' : Math.round(value * PERIOD)} ${PERIOD}`),
  },
  io: {
    read(folder) {
      const limits = (readIfThere(`${folder}/io.max`) ?? '').split('\n').map((line): IoLimit => {
        const [device = '', ...words] = line.split(' ');
        const rate = (name: string): number | undefined =>
          toNumber(words.find((one) => one.startsWith(`${name}=`))?.slice(name.length + 1));
        return ioLimit(device, rate('rbps'), rate('wbps'));
      });
      return someOf(limits);
    },
    write(folder, value = []) {
      for (const device of devicesIn(V2.io.read(folder), value)) {
        const { read = 'max', write = 'max' } = value.find((one) => one.device === device) ?? {};
        writeFileSync(`${folder}/io.max`, `${device} rbps=${read} wbps=${write}`);
      }
    },
  },
};

/** PAGE_COUNTER_MAX in bytes, which stands for no limit, is 2^63 less a page; of a machine with pages of 64 KiB too. */
const NO_MEMORY_LIMIT = 2 ** 62;

const V1: Forms = {
  pids,
  memory: {
    read(folder) {
      const bytes = numberIn(`${folder}/memory.limit_in_bytes`);
      return bytes === undefined || bytes > NO_MEMORY_LIMIT ? undefined : bytes;
    },
    write: (folder, value) => writeFileSync(`${folder}/memory.limit_in_bytes`, String(value ?? -1)),
  },
  cpu: {
    read: (folder) => cores(numberIn(`${folder}/cpu.cfs_quota_us`), numberIn(`${folder}/cpu.cfs_period_us`)),
    write(folder, value) {
      writeFileSync(`${folder}/cpu.cfs_period_us`, String(PERIOD));
      writeFileSync(`${folder}/cpu.cfs_quota_us`, String(value === undefined ? -1 : Math.round(value * PERIOD)));
    },
  },
  io: {
    read(folder) {
      const [read, write] = [throttleIn(folder, 'read'), throttleIn(folder, 'write')];
      return someOf([...new Set([...read.keys(), ...write.keys()])].map((device) => ioLimit(device, read.get(device), write.get(device))));
    },
    write(folder, value = []) {
      for (const device of devicesIn(V1.io.read(folder), value)) {
        const { read = 0, write = 0 } = value.find((one) => one.device === device) ?? {};
        writeFileSync(`${folder}/blkio.throttle.read_bps_device`, `${device} ${read}`);
        writeFileSync(`${folder}/blkio.throttle.write_bps_device`, `${device} ${write}`);
      }
    },
  },
};

const FORMS = { 1: V1, 2: V2 };

/** The limit that a cgroup has, in VERSION's files. Undefined: none. */
export function readLimit<C extends Controller>(version: 1 | 2, controller: C, folder: string): Value<C> | undefined {
  return (FORMS[version][controller] as Form<Value<C>>).read(folder);
}

/** Undefined takes the limit away. */
export function writeLimit<C extends Controller>(version: 1 | 2, controller: C, folder: string, value: Value<C> | undefined): void {
  (FORMS[version][controller] as Form<Value<C>>).write(folder, value);
}

/** Lines `MAJOR:MINOR BYTES`. */
function throttleIn(folder: string, way: 'read' | 'write'): Map<string, number> {
  const lines = (readIfThere(`${folder}/blkio.throttle.${way}_bps_device`) ?? '').split('\n').map((line) => line.split(' '));
  return new Map(lines.flatMap(([device = '', bytes]): [string, number][] => (bytes ? [[device, Number(bytes)]] : [])));
}

function ioLimit(device: string, read: number | undefined, write: number | undefined): IoLimit {
  return { device, ...(read === undefined ? {} : { read }), ...(write === undefined ? {} : { write }) };
}

function someOf(limits: readonly IoLimit[]): IoLimit[] | undefined {
  const some = limits.filter(({ read, write }) => read !== undefined || write !== undefined);
  return some.length > 0 ? some : undefined;
}

function devicesIn(...lists: readonly (readonly IoLimit[] | undefined)[]): ReadonlySet<string> {
  return new Set(lists.flatMap((list) => (list ?? []).map(({ device }) => device)));
}

function numberIn(path: string): number | undefined {
  return toNumber(readIfThere(path)?.trim());
}

/** Undefined for `max`, for -1, and for nothing. */
function toNumber(text: string | undefined): number | undefined {
  return text !== undefined && /^\d+$/.test(text) ? Number(text) : undefined;
}
