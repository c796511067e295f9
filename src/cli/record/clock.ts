import { readFileSync } from 'node:fs';

// Records say when, and until when, by the clock that counts from the machine's boot, its sleep included: nobody can set
// it, so a wall clock that jumps holds nothing up for ever, and ends nothing early. Wall time is only for people.

/** A moment: milliseconds since the boot. */
export type Moment = number;

/** What is read as one may be anything. */
export function isMoment(value: unknown): value is Moment {
  return typeof value === 'number' && value >= 0 && value <= MAX_MOMENT;
}

/** Three thousand years: a date of JavaScript's can be made of it. */
const MAX_MOMENT = 1e14;

/** Of this boot: what another one wrote counts no more, as its moments mean nothing. */
export interface Stamp {
  readonly boot: string;
  readonly at: Moment;
}

export function sinceBoot(): Moment {
  return Math.round(Number(readFileSync('/proc/uptime', 'utf8').split(' ')[0]) * 1000);
}

export function stampNow(): Stamp {
  return { boot: bootId(), at: sinceBoot() };
}

/** /run usually ends with the boot, but it need not be in memory. */
export function isOfThisBoot({ boot, at }: Stamp): boolean {
  return boot === bootId() && at <= sinceBoot();
}

function bootId(): string {
  return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
}

/** Wall time of a moment. */
export function toDate(moment: Moment, now: Moment = sinceBoot()): Date {
  return new Date(Date.now() + moment - now);
}

/** `2026-11-24 23:05:10 UTC`: cron, a shell and a log may each have another zone. */
export function showDate(date: Date): string {
  return `${date.toISOString().slice(0, 19).replace('T', ' ')} UTC`;
}
