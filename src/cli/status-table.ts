import type { ConditionType } from './conditions.ts';
import type { Output } from './output.ts';
import { printable } from './printable.ts';
import { isWell, type Status } from './status.ts';
import { table } from './table.ts';
import { wrap } from './wrap.ts';

const TYPES: readonly ConditionType[] = ['Ready', 'Network', 'Root', 'Services', 'InSync', 'LowerChanged', 'Held', 'Stalled'];

/** A line for each subhost, then what there is to say of some. Without WIDE it has 80 columns. */
export function statusLines(all: readonly Status[], wide: boolean, paint: Output['paint']): string[] {
  const heads = ['NAME', ...(wide ? ['SCOPE'] : []), 'STATE', 'PID1', 'UPTIME', 'CABLES', 'SERVICES', 'MEMORY', 'PIDS'];
  const rows = all.map((one) => [
    one.name,
    ...(wide ? [one.scope] : []),
    one.state,
    String(one.pid1 ?? '-'),
    age(one.uptime_s),
    part(one.cables, 'up'),
    part(one.services, 'started'),
    used(one.memory_bytes, wide ? one.memory_limit_bytes : null, size),
    used(one.pids, wide ? one.pids_limit : null, String),
    ...(wide ? TYPES.map((type) => one.conditions.find((condition) => condition.type === type)?.status ?? '-') : []),
  ]);
  const [head = '', ...lines] = table([...heads, ...(wide ? TYPES.map((type) => type.toUpperCase()) : [])], rows);
  return [
    paint('bold', head),
    ...lines.map((line, index) => paint(isWell(all[index]) ? 'green' : 'red', line)),
    ...all.flatMap(({ name, notes }) => notes.flatMap((note) => wrap(printable(`${name}: ${note}`), '  '))),
  ];
}

export function age(seconds: number | null): string {
  if (seconds === null) return '-';
  if (seconds < 120) return `${seconds}s`;
  if (seconds < 7200) return `${Math.floor(seconds / 60)}m`;
  return seconds < 172_800 ? `${Math.floor(seconds / 3600)}h` : `${Math.floor(seconds / 86_400)}d`;
}

/** `38M`, or `38M/512M` of one that is limited. */
function used(now: number | null, limit: number | null, show: (number: number) => string): string {
  if (now === null) return '-';
  return limit === null ? show(now) : `${show(now)}/${show(limit)}`;
}

/** `1/2`: so many of them are as they should be. */
function part(list: readonly { readonly state: string }[], good: string): string {
  const counted = list.filter((one) => one.state !== 'skipped');
  return `${counted.filter((one) => one.state === good).length}/${counted.length}`;
}

/** `612K`, `38M`, `1.4G`: at most four characters and the unit. */
export function size(bytes: number): string {
  if (bytes < 1 << 20) return `${Math.round(bytes / 1024)}K`;
  if (bytes < 1 << 30) return `${Math.round(bytes / 2 ** 20)}M`;
  return `${(bytes / 2 ** 30).toFixed(1)}G`;
}
