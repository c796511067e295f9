import { HOSTILE } from '../planner/conf-corpus.ts';
import type { HostileText } from './input.ts';

const base = 'BASE=.\nSTART=none\n';

/** As conf files of overlay-boot are tried, beside those of test/planner/conf-corpus.ts. */
export const CONF_FILES: readonly HostileText[] = [
  ...Object.entries(HOSTILE).map(([what, { conf, refused, means }]) => ({
    what,
    text: conf,
    ...(refused ? { refused } : { means: means ?? {} }),
  })),
  {
    what: 'a log that is a file of the machine',
    text: `${base}LOG=/etc/passwd\n`,
    refused: /^web\.conf:3:5: log \/etc\/passwd is in \/etc/m,
  },
  { what: 'a log that is a directory', text: `${base}LOG=/srv\n`, means: { log: '/srv' } },
  { what: 'a share with too many parts', text: `${base}SHARE= a:b:c\n`, refused: /^web\.conf:3:\d+: /m },
  {
    what: 'a share that looks like a command',
    text: `${base}SHARE=!touch CANARY\n`,
    refused: /^web\.conf:3:\d+: |no directory|there is no/m,
  },
  {
    what: 'shares in 200 lines',
    text: `${base}${Array.from({ length: 200 }, (_, index) => `SHARE=/srv/d${index}\n`).join('')}`,
    means: {},
  },
  { what: 'a line of 1 MB', text: `${base}UPPER=${'x'.repeat(1_000_000)}\n`, refused: /longer than 4095 bytes/ },
  { what: '50 MB', text: `${base}${'#\n'.repeat(25_000_000)}`, refused: /the file has more than 256 KiB/, asFile: true },
  { what: 'BASE that is relative and leads up', text: 'BASE=../../..\nSTART=none\n', refused: /root directory of this machine/ },
  { what: 'bytes that are no UTF-8', text: Buffer.from('BASE=\xff\n', 'latin1'), refused: /:1:6: this is no UTF-8/, asFile: true },
];
