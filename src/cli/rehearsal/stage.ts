import fs from 'node:fs';
import { dirname } from 'node:path';
import type { Writable } from 'node:stream';
import { SYSTEM_PATH } from '../../resources/programs.ts';
import { RUN_FOLDER } from '../run-folder.ts';
import { REAPER } from '../session.ts';

// While a snapshot is taken the machine must stay as it is: what would write does nothing.

const nothing = (): undefined => undefined;

/** In the place of whatever is opened to be written: root's own. */
const FILE = '/proc/version';

/** By path, another one that is there in its place. */
type StandIns = Readonly<Record<string, string>>;

/** What ob looks at to see that what it made is its own. */
const STAND_INS: StandIns = {
  ...Object.fromEntries([RUN_FOLDER, '/var/log/ob', '/web'].map((folder) => [folder, '/proc'])),
  [`${RUN_FOLDER}/lock`]: FILE,
};

function withStandIns(name: 'lstatSync' | 'statSync', standIns: StandIns): unknown {
  const real = fs[name] as (path: unknown, options?: unknown) => unknown;
  return (path: string, options?: unknown) => real(standIns[path] ?? path, options);
}

function openPlayed(standIns: StandIns): unknown {
  const { openSync, constants } = fs;
  return (path: string, flags: string | number = 'r', mode?: number): number => {
    const writes = typeof flags === 'number' ? (flags & (constants.O_WRONLY | constants.O_RDWR)) !== 0 : flags !== 'r';
    return writes ? openSync(FILE, 'r') : openSync(standIns[path] ?? path, flags, mode);
  };
}

/** All of node:fs that ob writes with; and what it asks for first. Every program is there. */
function playedFs(standIns: StandIns): Record<string, unknown> {
  const { existsSync } = fs;
  return {
    ...Object.fromEntries(STUBBED.map((name) => [name, nothing])),
    existsSync: (path: string) => SYSTEM_PATH.includes(dirname(path)) || path === REAPER || existsSync(path),
    lstatSync: withStandIns('lstatSync', standIns),
    openSync: openPlayed(standIns),
    statSync: withStandIns('statSync', standIns),
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

/** As root, whom no signal reaches, and who does not end. */
const PLAYED_PROCESS = { kill: () => true, on: () => process, exit: nothing, getuid: () => 0 };

/** ACT with a machine that is only played; what is said goes to SCREEN. FILES: where what is read is. */
export async function onStage(screen: Writable, files: StandIns, act: () => Promise<void>): Promise<void> {
  warmUp();
  const ends = [
    replace(fs, playedFs({ ...STAND_INS, ...files })),
    replace(process, { ...PLAYED_PROCESS, stdout: screen, stderr: screen, argv: process.argv }),
  ];
  try {
    await act();
  } finally {
    for (const end of ends) end();
    process.exitCode = undefined;
  }
}

/** Also of what is only made when it is first asked for, as standard output is. Gives the way back. */
function replace(object: object, played: Readonly<Record<string, unknown>>): () => void {
  const names = Object.keys(played);
  const real = names.map((name) => Object.getOwnPropertyDescriptor(object, name));
  for (const name of names)
    Object.defineProperty(object, name, { value: played[name], writable: true, configurable: true, enumerable: true });
  return () => {
    for (const [index, name] of names.entries()) {
      const one = real[index];
      if (one) Object.defineProperty(object, name, one);
      else Reflect.deleteProperty(object, name);
    }
  };
}

/** What is not asked for on the stage, or not of Node itself: called with nothing it refuses, and is compiled then all the same. */
function warmUp(): void {
  for (const name of STUBBED)
    try {
      (fs[name] as () => void)();
    } catch {
      // As it should.
    }
  fs.readdirSync('/proc/self/ns', { withFileTypes: true }).some((one) => one.isDirectory());
}
