import { spawnSync } from 'node:child_process';
import { chmodSync, copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { findProgram } from '../../src/resources/programs.ts';
import type { TestMachine } from '../machine.ts';
import { FOLDER, NOW, WRAPPER } from './programs.ts';

// Others that start subhosts or containers, each with one that has a root of its own on the machine's, and how it is
// started again and stopped. What they need that is not theirs (files, an overlay for those that make none) is there before.

export interface Peer {
  readonly name: string;
  /** Gives its version; undefined: not here. */
  version(): string | undefined;
  /** At which calls it is killed: of programs, or of the system. */
  readonly level: 'program' | 'system call';
  prepare(machine: TestMachine): Promise<void>;
  /** Its start, as one command: ends when that is up, or has failed. */
  readonly start: readonly string[];
  /** What a person runs after a crash: shell scripts. Each ends when it is up, or down. */
  readonly startAgain: string;
  readonly stop: string;
  /** Fails where it is not up. */
  readonly isUp: string;
  /** Pattern of its processes: who is killed by a crash at a program. */
  readonly who: string;
}

const FETCH = fileURLToPath(new URL('../../scripts/fetch-overlay-boot', import.meta.url));
const CACHE = fileURLToPath(new URL('../../node_modules/.cache/ob/overlay-boot', import.meta.url));
/** For crun: see there. */
const MEMLOCK = fileURLToPath(new URL('../hostile/memlock.c', import.meta.url));
const FRONT = fileURLToPath(new URL('front.c', import.meta.url));

/** Until UP says so; or until nobody works on it any more. */
function until(up: string, alive: string): string {
  return `for i in $(seq 500); do ${up} && exit 0; ${alive} || { ${up}; exit; }; sleep 0.02; done; exit 1`;
}

const OVERLAY_BOOT = '/var/lib/overlay-boot';
// By names without that folder: overlay-stop takes every process with the words overlay-boot and NAME.conf for it, itself too.
const WHO = `^(/bin/sh( ${FOLDER}/scripts/unshare -m)?|env UNSHARED=yes unshare -m|unshare -m) (/mnt/bin/overlay-boot|${OVERLAY_BOOT}/)`;
/** Programs with which it changes something. */
const CALLED = ['ip', 'mount', 'umount', 'nsenter', 'unshare', 'mkdir', 'pivot_root'];
const ANSWERS = `${findProgram('ip')} address replace 10.78.0.1/24 dev web0 2>/dev/null; [ "$(busybox nc -w 2 10.78.0.2 7 </dev/null 2>/dev/null)" ]`;
const BOOT = `PATH=${FOLDER}/wrap:$PATH; /mnt/bin/overlay-boot /mnt/web/web.conf </dev/null >/mnt/out 2>&1 || exit 1
  ${until(`{ ${ANSWERS}; }`, `pgrep -f '${WHO}' >/dev/null`)}`;

const overlayBoot: Peer = {
  name: 'overlay-boot',
  version: () => (findProgram('dpkg-deb') && findProgram('pgrep') && spawnSync(FETCH, [CACHE]).status === 0 ? '1.6.4-1' : undefined),
  level: 'program',
  async prepare(machine) {
    const file = spawnSync(FETCH, [CACHE], { encoding: 'utf8' }).stdout.trim();
    machine.write(
      '/mnt/serve',
      '#!/bin/sh\n[ "$1" != start ] || { ip address add 10.78.0.2/24 dev eth0; ip link set eth0 up; busybox nc -ll -p 7 -e hostname </dev/null >/dev/null 2>&1 & }\n',
    );
    machine.write('/mnt/web.conf', 'NAME=web\nBASE=.\nCABLES==02:00:0a:4e:00:02\nSTART=/serve\nLOG=/mnt/log\n');
    await machine.sh(`dpkg-deb -x '${file}' /run/package && mv /run/package${OVERLAY_BOOT} /var/lib/; rm -r /run/package
      mkdir /mnt/bin; ln -s ${OVERLAY_BOOT}/overlay-boot ${OVERLAY_BOOT}/overlay-stop /mnt/bin
      mkdir -p /mnt/web/root /mnt/web/work /mnt/web/live ${NOW} ${FOLDER}/wrap ${FOLDER}/scripts; mv /mnt/web.conf /mnt/web/; mv /mnt/serve /mnt/web/root; chmod 755 /mnt/web/root/serve
      ip netns add any && ip netns delete any`);
    wrapCalls(machine);
  },
  start: ['sh', '-c', BOOT],
  startAgain: BOOT,
  isUp: `${ANSWERS} && [ "$(pgrep -xc .reaper)" = 1 ]`,
  stop: `/mnt/bin/overlay-stop /mnt/web/web.conf </dev/null >/mnt/out 2>&1; for i in $(seq 50); do pgrep -f '${WHO}|^.reaper' >/dev/null || break; sleep 0.02; done`,
  who: WHO,
};

function wrapCalls(machine: TestMachine): void {
  const root = `/proc/${machine.pid}/root`;
  const folder = mkdtempSync(join(tmpdir(), 'ob-crash-'));
  const front = join(folder, 'front');
  spawnSync(process.env['CC'] ?? 'cc', ['-O1', '-o', front, FRONT]);
  for (const name of CALLED) {
    machine.write(`${FOLDER}/scripts/${name}`, WRAPPER(name, findProgram(name) ?? name));
    chmodSync(`${root}${FOLDER}/scripts/${name}`, 0o755);
    copyFileSync(front, `${root}${FOLDER}/wrap/${name}`);
  }
  rmSync(folder, { recursive: true });
}

/** An overlay on the machine's root, for those that make none. */
const ROOT = `mkdir -p /mnt/web/root /mnt/web/work /mnt/web/live ${NOW}
  mount -n -t overlay -o lowerdir=/,upperdir=/mnt/web/root,workdir=/mnt/web/work overlay /mnt/web/live`;
const INSIDE = ['busybox', 'sleep', '86400'];

/** A container that is half there is in the way of another: a person removes it first. */
function oci(name: string, before = ''): Peer {
  const run = `${before} ${name} run -d --bundle /mnt/web web </dev/null >/mnt/out 2>&1`;
  return {
    name,
    version: () => versionOf(name),
    level: 'system call',
    async prepare(machine) {
      await machine.sh(`${ROOT}\n${process.env['CC'] ?? 'cc'} -shared -fPIC -o /mnt/memlock.so '${MEMLOCK}'\ncd /mnt/web && ${name} spec`);
      const config = JSON.parse(machine.read('/mnt/web/config.json'));
      config.process = { ...config.process, terminal: false, args: INSIDE };
      config.root = { path: '/mnt/web/live', readonly: false };
      machine.write('/mnt/web/config.json', JSON.stringify(config));
    },
    start: ['sh', '-c', `$TRACE ${run}`],
    startAgain: `${name} delete -f web >/dev/null 2>&1; ${run}`,
    isUp: `${name} state web | grep -q running && [ "$(pgrep -fc '^${INSIDE.join(' ')}')" = 1 ]`,
    stop: `${name} delete -f web >/mnt/out 2>&1`,
    who: `^${name}`,
  };
}

const NSPAWN_UP = `[ "$(pgrep -fc '^${INSIDE.join(' ')}')" = 1 ]`;
const nspawn = (
  trace: string,
): string => `${trace} systemd-nspawn -q -D /mnt/web/live --register=no --keep-unit --private-network --as-pid2 ${INSIDE.join(' ')} </dev/null >/mnt/out 2>&1 &
  ${until(NSPAWN_UP, 'kill -0 $! 2>/dev/null')}`;

const systemdNspawn: Peer = {
  name: 'systemd-nspawn',
  version: () => versionOf('systemd-nspawn'),
  level: 'system call',
  prepare: async (machine) => void (await machine.sh(ROOT)),
  start: ['sh', '-c', nspawn('$TRACE')],
  startAgain: nspawn(''),
  isUp: NSPAWN_UP,
  stop: `pkill -TERM -f '^systemd-nspawn'; for i in $(seq 100); do pgrep -f '^systemd-nspawn|^${INSIDE.join(' ')}' >/dev/null || break; sleep 0.02; done`,
  who: '^systemd-nspawn',
};

function versionOf(name: string): string | undefined {
  if (!findProgram(name) || !findProgram('pgrep')) return undefined;
  return /\d+\.[\d.]+|\d+/.exec(spawnSync(name, ['--version'], { encoding: 'utf8' }).stdout)?.[0];
}

export const PEERS: readonly Peer[] = [overlayBoot, oci('crun', 'env LD_PRELOAD=/mnt/memlock.so'), oci('runc'), systemdNspawn];

/** What all of them find on their machine; its root is read-only from then on. */
export const PEER_MACHINE = 'mount -n -o remount,bind,ro /';
