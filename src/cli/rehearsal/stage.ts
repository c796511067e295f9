import fs from 'node:fs';
import { RUN_FOLDER } from '../run-folder.ts';

// While a snapshot is taken the machine must stay as it is: what would write does nothing.

const nothing = (): undefined => undefined;

/** What ob looks at to see that what it made is its own. */
const STAND_INS: Readonly<Record<string, string>> = { [RUN_FOLDER]: '/proc', [`${RUN_FOLDER}/lock`]: '/dev/null', '/web': '/proc' };

function withStandIns(name: 'lstatSync' | 'statSync'): unknown {
  const real = fs[name] as (path: unknown, options?: unknown) => unknown;
  return (path: string, options?: unknown) => real(STAND_INS[path] ?? path, options);
}

function openPlayed(): unknown {
  const { openSync, constants } = fs;
  return (path: string, flags: string | number = 'r', mode?: number): number => {
    const writes = typeof flags === 'number' ? (flags & (constants.O_WRONLY | constants.O_RDWR)) !== 0 : flags !== 'r';
    return writes ? openSync('/dev/null', 'r+') : openSync(STAND_INS[path] ?? path, flags, mode);
  };
}

/** All of node:fs that ob writes with; and what it asks for first. */
function playedFs(): Record<string, unknown> {
  return {
    ...Object.fromEntries(STUBBED.map((name) => [name, nothing])),
    lstatSync: withStandIns('lstatSync'),
    openSync: openPlayed(),
    statSync: withStandIns('statSync'),
  };
}

/** `access` among them: it says that all may be done. */
const STUBBED = [
  'accessSync',
  'appendFileSync',
  'chmodSync',
  'chownSync',
  'fchmodSync',
  'fchownSync',
  'fsyncSync',
  'ftruncateSync',
  'lchownSync',
  'mkdirSync',
  'renameSync',
  'rmSync',
  'rmdirSync',
  'symlinkSync',
  'unlinkSync',
  'writeFileSync',
  'writeSync',
] as const;

/** ACT with a machine that is only played. */
export async function onStage(act: () => Promise<void>): Promise<void> {
  const { kill } = process;
  const played = playedFs();
  const real = Object.fromEntries(Object.keys(played).map((name) => [name, fs[name as keyof typeof fs]]));
  try {
    Object.assign(fs, played);
    process.kill = () => true;
    await act();
  } finally {
    Object.assign(fs, real);
    process.kill = kill;
  }
}
