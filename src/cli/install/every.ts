import { ExitCode, ObError } from '../../resources/error.ts';

/** How often something runs, as crontab(5) and systemd.time(7) have it. */
export interface Every {
  readonly seconds: number;
  readonly cron: string;
  readonly calendar: string;
}

/** Only what divides an hour or a day evenly: anything else crontab(5) cannot say. */
export function parseEvery(text: string): Every {
  const [, digits = '', unit = ''] = /^([1-9]\d?)([mhd])$/.exec(text) ?? [];
  const count = Number(digits);
  if (unit === 'm' && 60 % count === 0 && count < 60)
    return { seconds: count * 60, cron: `${stepOf(count)} * * * *`, calendar: `*-*-* *:${count === 1 ? '*' : `00/${count}`}:00` };
  if (unit === 'h' && 24 % count === 0 && count < 24)
    return { seconds: count * 3600, cron: `0 ${stepOf(count)} * * *`, calendar: `*-*-* ${count === 1 ? '*' : `00/${count}`}:00:00` };
  if (unit === 'd' && count === 1) return { seconds: 86_400, cron: '0 0 * * *', calendar: '*-*-* 00:00:00' };
  throw new ObError(`--every wants 1m to 30m, 1h to 12h or 1d, and "${text}" is none that divides an hour or a day evenly`, {
    exitCode: ExitCode.usage,
    hint: 'ob cron --help',
  });
}

function stepOf(count: number): string {
  return count === 1 ? '*' : `*/${count}`;
}
