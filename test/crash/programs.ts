import assert from 'node:assert/strict';
import { chmodSync, closeSync, openSync, readdirSync, readFileSync, readSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Rig, textOf } from '../live/rig.ts';
import { OB, type Ran, REAPER, type TestMachine } from '../machine.ts';
import type { Scenario, Scene } from './oracle.ts';
import type { Point } from './points.ts';

// Crashes at each call of each program that ob runs. A wrapper stands before every one: by a mount in the folder that ob looks
// through first, and on each program that is built beside ob. It counts the calls; at the one that is meant it
// - before: kills ob, and the program is never run
// - after: runs the program to its end, then kills ob, before that can have read the end of what the program said
// - orphan: kills ob, and the program goes on when the next run has looked at the machine and begins to change it, or waits
// - fails: the program does nothing, and exits 1
// - trace: it is run as the file `words` says (syscalls.ts); which one tells its GROUP, and the how many-th of that; 0: all of ours

export const MODES = ['before', 'after', 'orphan', 'fails'] as const;
type Mode = (typeof MODES)[number] | 'trace';

export const FOLDER = '/mnt/crash';
/** What is about one run alone. */
export const NOW = `${FOLDER}/now`;
const FIRST_IN_PATH = '/usr/local/sbin';
const DIST = dirname(REAPER);

/** Calls with which a run takes the lock and looks at the machine; the next one is its first that changes anything. */
const LOOKS = 2;

export const WRAPPER = (name: string, real: string): string => `#!/bin/sh
if [ ! -e ${NOW}/point ]; then
  [ ! -e ${NOW}/next ] || echo >>${NOW}/next
  exec ${real} "$@"
fi
exec 9>>${NOW}/lock; /usr/bin/flock 9
n=0; read -r n <${NOW}/count; n=$((n + 1)); echo $n >${NOW}/count
echo "${name} $*" | tr '\\n' ' ' | cut -c1-300 >>${NOW}/calls
read -r at mode group <${NOW}/point
[ "$mode" != trace ] || nth=$(grep -c "^$group" ${NOW}/calls)
exec 9>&-
if [ "$mode" = trace ]; then
  read -r words <${NOW}/words
  case $at${real} in 0*/dist/*) exec $words -o ${NOW}/trace.$n ${real} "$@" ;; esac
  [ "${name} $1" = "$group" ] && [ $nth = $at ] || exec ${real} "$@"
  exec $words -o ${NOW}/trace.$n ${real} "$@"
fi
[ $n = $at ] || exec ${real} "$@"
crash() { read -r ob <${NOW}/ob; [ ! -s ${NOW}/who ] || ob=$(pgrep -f "$(cat ${NOW}/who)"); : >${NOW}/crashed; kill -9 $ob; }
case $mode in
  before) crash; exit 1 ;;
  fails) echo "${name}: failed for a test" >&2; exit 1 ;;
  orphan)
    # What ob has to say to it has been said.
    case "$*" in *-batch*) input=$(cat) ;; esac
    rm ${NOW}/point; : >${NOW}/next; crash
    for i in $(seq 100); do [ "$(grep -c '' ${NOW}/next)" -lt ${LOOKS} ] || break; sleep 0.01; done
    [ -z "$input" ] || echo "$input" | ${real} "$@"
    [ -n "$input" ] || exec ${real} "$@" ;;
  after)
    # A shell goes on when it has ended.
    [ ! -s ${NOW}/who ] || { ${real} "$@"; code=$?; crash; exit $code; }
    # It holds what the program says open, so that ob waits for its end.
    ( ( while read -r pid comm state rest 2>/dev/null </proc/$$/stat && [ "$state" != Z ]; do sleep 0.002; done; crash ) & )
    exec ${real} "$@" ;;
esac
`;

/** Every program that the source names, so that none is forgotten. */
function namedPrograms(): string[] {
  const folder = fileURLToPath(new URL('../../src', import.meta.url));
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.ts'));
  const calls = files.flatMap((name) => [
    ...readFileSync(`${folder}/${name}`, 'utf8').matchAll(/\b(?:run|runSync|needProgram|findProgram)\('(\w[^'/]*)'/g),
  ]);
  return [...new Set(calls.flatMap(([, name]) => name ?? []))].sort();
}

function builtPrograms(): string[] {
  return readdirSync(DIST).filter((name) => `${DIST}/${name}` !== OB && isElf(`${DIST}/${name}`));
}

function isElf(path: string): boolean {
  const bytes = Buffer.alloc(4);
  const fd = openSync(path, 'r');
  readSync(fd, bytes, 0, 4, 0);
  closeSync(fd);
  return bytes.toString('latin1') === '\x7fELF';
}

/** Before the machine's root becomes read-only for good. */
export async function wrapPrograms({ machine }: Rig): Promise<void> {
  await machine.sh(
    `mkdir -p ${NOW} ${FOLDER}/dist && mount --bind ${DIST} ${FOLDER}/dist && mount -t tmpfs -o mode=755 wrappers ${FIRST_IN_PATH}`,
  );
  const wrap = (path: string, name: string, real: string): void => {
    machine.write(path, WRAPPER(name, real));
    chmodSync(`/proc/${machine.pid}/root${path}`, 0o755);
  };
  const where = await machine.sh(
    `PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin; for p in ${namedPrograms().join(' ')}; do command -v $p || :; done`,
  );
  for (const real of where.split('\n')) wrap(`${FIRST_IN_PATH}/${real.replace(/.*\//, '')}`, real.replace(/.*\//, ''), real);
  for (const name of builtPrograms()) {
    wrap(`${FOLDER}/${name}`, name, `${FOLDER}/dist/${name}`);
    await machine.sh(`mount --bind ${FOLDER}/${name} ${DIST}/${name}`);
  }
}

/** All that there are in a scenario; which calls it has is told by a run that nothing happens to. */
export async function programPoints(scene: Scene, scenario: Scenario): Promise<Point[]> {
  await scene.before(scenario);
  const { ran, calls } = await runAt(scene.rig.machine, [OB, ...scenario.command], 0, 'before');
  assert.equal(ran.code, 0, textOf(ran));
  await scene.assertNoResidue();
  return calls.flatMap((call, index) =>
    MODES.map((mode): Point => {
      const label = `call ${index + 1}, ${mode}: ${call.slice(0, 60)}`;
      return {
        level: 'program',
        scenario,
        label,
        group: groupOf(call),
        inject: (scene) => strike(scene, scenario, index + 1, mode),
      };
    }),
  );
}

/** The program, and what it is told to do. */
function groupOf(call: string): string {
  const [name, ...words] = call.split(' ');
  return `${name} ${words.find((word) => /^[a-z]/.test(word)) ?? ''}`.trim();
}

async function strike(scene: Scene, scenario: Scenario, at: number, mode: Mode): Promise<boolean> {
  const { ran, calls } = await runAt(scene.rig.machine, [OB, ...scenario.command], at, mode);
  // What goes on side by side is not counted the same in each run.
  if (calls.length < at) return false;
  // What serves for as long as ob runs has no end that ob could live to see.
  if (mode === 'after' && ran.code === 0) return false;
  if (mode !== 'fails') assert.equal(ran.code, null, textOf(ran));
  else if (ran.code === 0) await scene.assertEnded(scenario);
  else assert.equal(ran.code, 1, textOf(ran));
  assert.doesNotMatch(`${ran.stdout}${ran.stderr}`, /bug in ob/);
  return true;
}

/**
 * Runs a command, with a crash at the call AT; gives all calls of programs, as `NAME WORD…`. WHO is a pattern (pgrep -f) of the
 * processes that are killed; the command's own if left out.
 */
export async function runAt(
  machine: TestMachine,
  command: readonly string[],
  at: number,
  mode: Mode,
  { words = '', group = '', who = '' } = {},
): Promise<{ ran: Ran; calls: string[] }> {
  await machine.sh(`rm -rf ${NOW}; mkdir ${NOW}; echo 0 >${NOW}/count; : >${NOW}/calls; echo ${at} ${mode} ${group} >${NOW}/point`);
  machine.write(`${NOW}/words`, `${words}\n`);
  machine.write(`${NOW}/who`, who);
  const ran = await machine.run('sh', ['-c', `echo $$ >${NOW}/ob; exec "$@"`, 'sh', ...command], { cwd: '/mnt' });
  const calls = machine.read(`${NOW}/calls`).split('\n').filter(Boolean);
  await machine.sh(`rm -f ${NOW}/point`);
  return { ran, calls };
}
