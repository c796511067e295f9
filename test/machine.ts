import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readdirSync, readFileSync, rmdirSync, statSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';

/** Why live tests are left out here, or undefined where they run. */
export const noLive = process.getuid?.() === 0 ? undefined : 'live test: needs root';

export const OB = fileURLToPath(new URL('../dist/ob', import.meta.url));
/** What any Node can run. */
export const BUNDLE = fileURLToPath(new URL('../dist/ob.js', import.meta.url));
export const REAPER = fileURLToPath(new URL('../dist/reaper', import.meta.url));
export const WATCHER = fileURLToPath(new URL('../dist/watcher', import.meta.url));

/** Why other users cannot run what this checkout has built, or undefined where they can. */
export const rootOnly = isOpen(dirname(REAPER)) ? undefined : 'the checkout lies where only root may look';

/** May everybody go there? */
function isOpen(folder: string): boolean {
  return (statSync(folder).mode & 0o001) !== 0 && (folder === '/' || isOpen(dirname(folder)));
}

export const FIXTURES = fileURLToPath(new URL('../fixtures', import.meta.url));

export interface Ran {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

interface RunOptions {
  readonly input?: string;
  readonly env?: NodeJS.ProcessEnv;
  readonly cwd?: string;
  /** As this user; root if left out. */
  readonly uid?: number;
}

/** What ends in the course of a test; or of a part of it. */
export type Span = Pick<TestContext, 'after'>;

/**
 * A machine of the test's own: net, mount, pid, uts, ipc and cgroup namespaces, an empty /run, /mnt,
 * /var/lib and /var/log, a /dev of its own with the same devices. It ends with the test, and also if the test process is killed: its PID 1 waits for the end of a pipe.
 */
export interface TestMachine {
  /** PID 1 of the machine, as seen from here. */
  readonly pid: number;
  run(program: string, args: readonly string[], options?: RunOptions): Promise<Ran>;
  start(program: string, args: readonly string[], options?: RunOptions): ChildProcess;
  /** A shell script of the test's; fails the test if the script fails. Gives stdout, without the last newline. */
  sh(script: string): Promise<string>;
  ob(...args: string[]): Promise<Ran>;
  write(path: string, text: string): void;
  read(path: string): string;
}

// The /dev is a copy: what writes there does it to every machine that is this one's. A device may come or go while it is copied.
// Without -n, mount(8) makes a /run/mount on this machine as long as /run is still this machine's.
const BOOT = `
set -e
mount -n --make-rprivate /
mount -n -t tmpfs -o mode=755 tmpfs /run
umount -R /sys/fs/cgroup
mount -t cgroup2 cgroup2 /sys/fs/cgroup
mount -t tmpfs -o mode=755 tmpfs /mnt
mount -t tmpfs -o mode=755 tmpfs /var/lib
mount -t tmpfs -o mode=755 tmpfs /var/log
mkdir /run/dev
mount -n -t tmpfs -o mode=755 dev /run/dev
cp -ax /dev/. /run/dev || [ -c /run/dev/null ]
mount -n -t devpts -o newinstance,ptmxmode=666,mode=620,gid=5 devpts /run/dev/pts
mount -n -t tmpfs -o mode=1777 shm /run/dev/shm
! mountpoint -q /dev || umount -n -R -l /dev
mount -n --move /run/dev /dev
rmdir /run/dev
ip link set lo up
echo ready
cat >/dev/null
`;

let count = 0;

/** LIMITS: with the trees of cgroup v1 in which this machine has its controllers, below /mnt/cgroup. */
export async function createMachine(t: Span, { limits = false } = {}): Promise<TestMachine> {
  const name = `ob-test-${process.env['OB_TEST_RUN'] ?? 'alone'}-${process.pid}-${++count}`;
  const cgroup = `${cgroupRoot()}/${name}`;
  const trees = limits ? listTrees() : [];
  const groups = trees.map(({ root }) => `${root}/${name}`);
  for (const folder of [cgroup, ...groups]) mkdirSync(folder);
  const join = (folders: readonly string[]): string[] => [
    '-c',
    [...folders.map((folder) => `echo $$ >${folder}/cgroup.procs`), 'exec "$@"'].join(' && '),
    'sh',
  ];
  const mounts = trees.map(({ controllers }) => {
    const point = `/mnt/cgroup/${controllers}`;
    return `mkdir -p ${point}; mount -n -t cgroup -o ${controllers} cgroup ${point}\n`;
  });
  const script = BOOT.replace('echo ready', `${mounts.join('')}echo ready`);
  const unshare = ['unshare', '-mpnuiC', '--fork', '--kill-child', '--mount-proc', 'sh', '-c', script];
  const outer = spawn('sh', [...join([cgroup, ...groups]), ...unshare], { stdio: ['pipe', 'pipe', 'inherit'] });
  t.after(async () => {
    outer.kill('SIGKILL');
    if (outer.exitCode === null && outer.signalCode === null) await once(outer, 'exit');
    for (const folder of [cgroup, ...groups]) await removeCgroups(folder);
  });
  await once(outer.stdout, 'data');
  const pid = Number(readFileSync(`/proc/${outer.pid}/task/${outer.pid}/children`, 'utf8'));
  if (!pid) throw new Error('the test machine did not come up');

  // In a leaf of its own: a cgroup with controllers may not hold processes itself.
  mkdirSync(`${cgroup}/machine`);
  const strays = (): string[] => readFileSync(`${cgroup}/cgroup.procs`, 'utf8').split('\n').filter(Boolean);
  // One may be born while the others are moved.
  for (let members = strays(); members.length > 0; members = strays()) for (const member of members) move(member, `${cgroup}/machine`);
  const enter = [...join([`${cgroup}/machine`, ...groups]), 'nsenter', '-t', String(pid), ...['-m', '-p', '-n', '-u', '-i', '-C']];

  const start: TestMachine['start'] = (program, args, options = {}) => {
    const user = options.uid === undefined ? [] : ['-S', String(options.uid), '-G', String(options.uid)];
    const child = spawn('sh', [...enter, ...user, `--wdns=${options.cwd ?? '/'}`, '--', program, ...args], {
      env: options.env ?? process.env,
    });
    // The program may end without reading what it is given.
    child.stdin.on('error', () => {});
    child.stdin.end(options.input ?? '');
    return child;
  };
  const run: TestMachine['run'] = (program, args, options) => collect(start(program, args, options));
  const inside = (path: string): string => `/proc/${pid}/root${path}`;
  return {
    pid,
    run,
    start,
    ob: (...args) => run(OB, args, { cwd: '/mnt' }),
    async sh(script) {
      const ran = await run('sh', ['-c', script]);
      if (ran.code !== 0) throw new Error(`exit ${ran.code} of: ${script}\n${ran.stdout}${ran.stderr}`);
      return ran.stdout.trimEnd();
    },
    write: (path, text) => writeFileSync(inside(path), text),
    read: (path) => readFileSync(inside(path), 'utf8'),
  };
}

/** Waits for a child to end and gives all that it said. */
export async function collect(child: ChildProcess): Promise<Ran> {
  const said = { stdout: '', stderr: '' };
  child.stdout?.setEncoding('utf8').on('data', (text) => (said.stdout += text));
  child.stderr?.setEncoding('utf8').on('data', (text) => (said.stderr += text));
  const [code] = await once(child, 'close');
  return { code, ...said };
}

/** Where cgroup v2 is mounted on the machine that the tests run on. */
export function cgroupRoot(): string {
  const line = readFileSync('/proc/self/mounts', 'utf8')
    .split('\n')
    .find((one) => one.split(' ')[2] === 'cgroup2');
  const root = line?.split(' ')[1];
  if (!root) throw new Error('no cgroup v2 tree is mounted on this machine: mount -t cgroup2 cgroup2 /sys/fs/cgroup');
  return root;
}

/** What has ended by now needs no move. */
function move(pid: string, cgroup: string): void {
  try {
    writeFileSync(`${cgroup}/cgroup.procs`, pid);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/** Trees of cgroup v1 on the machine that the tests run on, with what each is for: `cpu`, `cpu,cpuacct`, … */
function listTrees(): { readonly root: string; readonly controllers: string }[] {
  const known = readFileSync('/proc/cgroups', 'utf8')
    .split('\n')
    .map((line) => line.split('\t')[0] ?? '');
  return readFileSync('/proc/self/mounts', 'utf8')
    .split('\n')
    .map((line) => line.split(' '))
    .flatMap(([, root = '', type, options = '']) => {
      const controllers = options.split(',').filter((one) => known.includes(one));
      return type === 'cgroup' && controllers.some((one) => LIMITED.includes(one)) ? [{ root, controllers: controllers.join(',') }] : [];
    });
}

const LIMITED = ['pids', 'memory', 'cpu', 'blkio'];

/** Does this machine have that controller in a tree of cgroup v1? */
export function hasTree(controller: string): boolean {
  return listTrees().some(({ controllers }) => controllers.split(',').includes(controller));
}

/** Why tests of limits are left out here, or undefined where all can be set. */
export function lacksLimits(): string | undefined {
  const trees = listTrees().flatMap(({ controllers }) => controllers.split(','));
  const shared = readFileSync(`${cgroupRoot()}/cgroup.subtree_control`, 'utf8').trim().split(' ');
  const lacking = LIMITED.filter((one) => !trees.includes(one) && !shared.includes(one === 'blkio' ? 'io' : one));
  return lacking.length > 0 ? `this machine cannot limit ${lacking.join(', ')}` : undefined;
}

/** What was in it is being killed with its pid namespace; that takes a moment. */
async function removeCgroups(path: string): Promise<void> {
  for (const child of readdirSync(path, { withFileTypes: true })) if (child.isDirectory()) await removeCgroups(`${path}/${child.name}`);
  for (let tries = 0; ; tries++) {
    try {
      rmdirSync(path);
      return;
    } catch (error) {
      if (tries === 200) throw error;
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }
}
