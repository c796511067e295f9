import assert from 'node:assert/strict';
import { OB, type TestMachine } from '../machine.ts';

/** What stands in an upper directory before its subhost is started for the first time. */
export interface Planted {
  readonly what: string;
  /** A shell script in the upper directory. */
  readonly plant: string;
}

const PATHS = [
  ...['dev', 'proc', 'sys', 'run', 'tmp', 'etc', 'etc/network', 'etc/network/interfaces', 'etc/adjtime', 'etc/hosts', '.reaper', 'srv'],
  ...['usr', 'usr/bin/umount', 'lib64', 'bin/sh', 'sbin/init'],
];

/** A folder of the machine, with nothing but a file in it; each that is planted would lead there, or be run. */
const CANARY = '/mnt/canary';

const WAYS: Readonly<Record<string, (path: string) => string>> = {
  'a link to the canary': (path) => `ln -s ${CANARY} ${path}`,
  'a link that leads up to it': (path) => `ln -s ../../../../../../../..${CANARY} ${path}`,
  'a link to itself': (path) => `ln -s ${path.replace(/.*\//, '')} ${path}`,
  'a link to .': (path) => `ln -s . ${path}`,
  'a link to nowhere': (path) => `ln -s /nowhere/at/all ${path}`,
  'a FIFO': (path) => `mkfifo ${path}`,
  'a block device': (path) => `mknod ${path} b 7 0`,
  'a program, set-user-ID': (path) => `printf '#!/bin/sh\\ntouch ${CANARY}/ran /proc/1/root${CANARY}/ran\\n' >${path}; chmod 4755 ${path}`,
  'an interpreter of itself': (path) => `printf '#!/proc/self/exe\\n' >${path}; chmod 755 ${path}`,
  'a whiteout': (path) => `mknod ${path} c 0 0`,
  'a socket': (path) => `perl -MSocket -e 'socket(S, PF_UNIX, SOCK_STREAM, 0); bind(S, sockaddr_un($ARGV[0])) or die' ${path}`,
  // Not on every filesystem, and what it is then is an empty folder.
  'an immutable folder': (path) => `mkdir ${path}; chattr +i ${path} 2>/dev/null || true`,
  'a folder nobody may enter': (path) => `mkdir ${path}; chmod 0 ${path}`,
};

/** Without `setfattr`: what overlay itself writes into an upper directory. */
const BY_OVERLAY = (act: string): string => `
  mkdir -p /mnt/by/lower/srv/secret /mnt/by/lower/etc /mnt/by/work /mnt/by/live; up=$(pwd)
  mount -t overlay -o redirect_dir=on,lowerdir=/mnt/by/lower,upperdir=$up,workdir=/mnt/by/work by /mnt/by/live
  (cd /mnt/by/live; ${act}); umount /mnt/by/live; rm -rf /mnt/by`;

const LARGE = 20_000;

const REDIRECT = 'a redirect to another folder of the lower tree';

export const PLANTED: readonly Planted[] = [
  ...PATHS.flatMap((path) =>
    Object.entries(WAYS).map(([what, make]) => ({ what: `${what} as /${path}`, plant: `mkdir -p ./$(dirname ${path}); ${make(path)}` })),
  ),
  { what: 'an opaque /etc', plant: BY_OVERLAY('rm -r etc; mkdir etc') },
  { what: REDIRECT, plant: BY_OVERLAY('mv srv tmp') },
  { what: `${LARGE} files`, plant: `mkdir many; cd many; seq ${LARGE} | xargs touch` },
  { what: 'a boot log that is a link', plant: `mkdir run; ln -s ${CANARY}/log run/boot.log` },
  { what: 'a name with a newline', plant: `touch "$(printf 'a\\nb')"; mkdir "$(printf 'etc\\n')"` },
];

export interface Fate {
  readonly what: string;
  readonly fate: 'refused' | 'literal' | 'open';
  readonly why: string;
}

/** All of them at once on one machine: what becomes of one is nothing to the others. */
export async function tryPlanted(machine: TestMachine): Promise<Fate[]> {
  const names = PLANTED.map((_, index) => `p${index}`);
  await machine.sh(`mkdir ${CANARY}; echo alive >${CANARY}/canary; touch -d @1 ${CANARY} ${CANARY}/canary`);
  const scripts = PLANTED.map(({ plant }, index) => `mkdir -p /mnt/p${index}/root; (cd /mnt/p${index}/root; ${plant}) || exit 1`);
  machine.write('/mnt/plant', scripts.join('\n'));
  await machine.sh('sh -e /mnt/plant');
  const uppers = await listUppers(machine);
  machine.write(
    '/mnt/hosts.yaml',
    `scope: demo\nsubhosts:\n${names.map((name) => `  ${name}: { base: /mnt/${name}, start: none }\n`).join('')}`,
  );

  const events = linesOf((await machine.ob('apply', '--json')).stdout);
  const second = await machine.ob('plan', '--json');
  const redirected = `/mnt/p${PLANTED.findIndex(({ what }) => what === REDIRECT)}/live/tmp`;
  assert.match(await machine.sh(`stat ${redirected}/secret 2>&1 || true`), /Operation not permitted/, 'the redirect was followed');
  const canary = await machine.sh(`cd ${CANARY}; find . -printf '%p %y %T@ '; cat canary`);
  const fates = PLANTED.map(({ what }, index): Fate => judge(what, `process/p${index}`, events));
  assert.match(canary, /^\. d 1\.0+ \.\/canary f 1\.0+ alive$/, 'the canary was touched');
  assert.ok(second.code !== null && second.code < 128, second.stderr);

  const ran = await machine.ob('destroy');
  assert.equal(ran.code, 0, ran.stdout + ran.stderr);
  assert.equal(await machine.sh(`find ${CANARY} | wc -l`), '2');
  assert.equal(
    await machine.sh('grep -c " /mnt/p[0-9]*/" /proc/mounts || true; ls /run/netns 2>/dev/null; ls -d /sys/fs/cgroup/ob || true'),
    '0',
  );
  assert.deepEqual(lostOf(uppers, await listUppers(machine)), []);
  return fates;
}

type Event = { readonly type: string; readonly address?: string; readonly error?: string; readonly hint?: string };

function linesOf(text: string): Event[] {
  return text
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line));
}

/** It runs, whatever stands there; or it does not, and why is said. */
function judge(what: string, address: string, events: readonly Event[]): Fate {
  const ends = events.filter((event) => event.address === address || event.address === address.replace('process/', 'mount/'));
  const failed = ends.find(({ type }) => type === 'failed' || type === 'blocked');
  if (failed) return { what, fate: /bug in ob|timed out/.test(failed.error ?? '') ? 'open' : 'refused', why: failed.error ?? '' };
  return {
    what,
    fate: ends.some((event) => event.address === address && event.type === 'done') ? 'literal' : 'open',
    why: JSON.stringify(ends),
  };
}

/** What was planted, without what is below it. */
async function listUppers(machine: TestMachine): Promise<string[]> {
  const found = await machine.sh("cd /mnt; find p*/root -mindepth 1 -not -path '*/many/*' -printf '%p %y %m %l\\n'");
  return found.split('\n');
}

/** What has to be there for something to be mounted on it: the image of PID 1, and folders that a whiteout says are not there. */
const MADE = /\/root\/(\.reaper |(dev|proc|sys|run) c )/;

/** Uppers are never tidied up. */
function lostOf(before: readonly string[], now: readonly string[]): string[] {
  const there = new Set(now);
  return before.filter((line) => !there.has(line) && !MADE.test(line));
}

/** `!COMMAND` in the place of a value: run once, its time limited, and what it prints taken as it is. */
export const COMMANDS: Readonly<Record<string, { readonly script: string; readonly refused: RegExp }>> = {
  'that fails': { script: 'exit 1', refused: /hosts\.yaml:2:\d+: "!\/mnt\/say": .*exit 1/ },
  'that prints nothing': { script: 'true', refused: /hosts\.yaml:2:\d+: / },
  'that prints two lines': { script: 'printf "a\\nb\\n"', refused: /hosts\.yaml:2:\d+: / },
  'that prints without end': { script: 'exec yes', refused: /hosts\.yaml:2:\d+: / },
  'that prints what is no text': { script: 'printf "\\377\\000"', refused: /hosts\.yaml:2:\d+: / },
  'that prints a command': { script: 'echo "!touch /mnt/canary/ran"', refused: /hosts\.yaml:2:\d+: / },
};

export async function tryCommand(machine: TestMachine, { script, refused }: (typeof COMMANDS)[string]): Promise<void> {
  machine.write('/mnt/say', `#!/bin/sh\necho >>/mnt/count\n${script}\n`);
  machine.write('/mnt/commands/hosts.yaml', 'subhosts:\n  web: { base: /mnt/web, lower: "!/mnt/say", start: none }\n');
  await machine.sh('chmod 755 /mnt/say; rm -f /mnt/count');
  const ran = await machine.run(OB, ['plan', '/mnt/commands/hosts.yaml']);
  assert.match(ran.stderr, refused);
  assert.equal(await machine.sh('wc -l </mnt/count'), '1');
}
