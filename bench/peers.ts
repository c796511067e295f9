import { copyFileSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';

export const BASE = '/var/lib/bench';
const MAC_1 = 0x02000a4d0001;

export interface Tools {
  readonly limit: string;
  readonly pid1: string;
  readonly answer: string;
  readonly ob: string;
}

/** A way to bring N subhosts up and down. What it needs beforehand (files) is made by `prepare`, and not timed. */
export interface Peer {
  readonly name: string;
  /** The program without which it is left out. */
  readonly program: string;
  readonly version: readonly string[];
  readonly most: number;
  prepare(n: number): void;
  /** `parallel`: the concurrencies that are worth trying; the best counts. */
  readonly parallel: readonly number[];
  create(n: number, parallel: number): string[];
  destroy(n: number): string[];
  /** It returns before its subhosts are up: they are when this many processes have this name. */
  readonly ready?: string;
  /** Brings subhost s1 up with a TCP server inside. */
  serve?(): string[];
}

export function mac(i: number): string {
  return (MAC_1 + i)
    .toString(16)
    .padStart(12, '0')
    .replace(/..(?=.)/g, '$&:');
}

export function address(i: number): string {
  return `10.77.${(i + 1) >> 8}.${(i + 1) & 255}`;
}

export function hostsYaml(n: number, start = '[]'): string {
  const subhosts = numbers(n).map(
    (i) => `  s${i}: { base: ${BASE}/s${i}, start: ${start}, cables: [{ bridge: br0, mac: "${mac(i)}", address: ${address(i)}/16 }] }\n`,
  );
  return `scope: bench\nsubhosts:\n${subhosts.join('')}`;
}

function numbers(n: number): number[] {
  return Array.from({ length: n }, (_, index) => index + 1);
}

function sh(script: string): string[] {
  return ['sh', '-c', script];
}

/** For peers that are given their network and root ready-made: all the time is theirs but for what the limit takes for it. */
function each(n: number, parallel: number, command: string): string {
  return `seq ${n} | xargs -P ${parallel} -I{} ${command}`;
}

function put(path: string, text: string): void {
  mkdirSync(path.slice(0, path.lastIndexOf('/')), { recursive: true });
  writeFileSync(path, text, { mode: 0o755 });
}

export function peersOf(tools: Tools): Peer[] {
  const { limit, ob, pid1, answer } = tools;
  const outer = (n: number): string => `${limit} outer ${n} ${BASE} && `;
  const inner = (n: number): string => `; ${limit} destroy ${n} ${BASE}`;
  const forEach = (n: number, make: (i: number) => void): void => {
    for (const i of numbers(n)) {
      copyPrograms(tools, i);
      make(i);
    }
  };
  const common = { most: 100, parallel: [1, 4] } as const;

  const oci = (name: string): Peer => ({
    ...common,
    name,
    program: name,
    version: [name, '--version'],
    prepare: (n) => forEach(n, (i) => put(`${BASE}/s${i}/config.json`, bundle(i, '/pid1'))),
    create: (n, c) => sh(outer(n) + each(n, c, `sh -c '${name} run -d --bundle ${BASE}/s{} s{} </dev/null >/dev/null 2>&1'`)),
    destroy: (n) => sh(each(n, 4, `${name} delete -f s{}`) + inner(n)),
    serve: () =>
      sh(`${outer(1)} sed -i s,/pid1,/answer, ${BASE}/s1/config.json && ${name} run -d --bundle ${BASE}/s1 s1 </dev/null >/dev/null 2>&1`),
  });

  return [
    {
      ...common,
      name: 'limit',
      program: limit,
      version: ['true'],
      most: 1000,
      parallel: [1],
      prepare: () => {},
      create: (n) => [limit, 'create', String(n), BASE, pid1],
      destroy: (n) => [limit, 'destroy', String(n), BASE],
      serve: () => [limit, 'create', '1', BASE, answer],
    },
    {
      ...common,
      name: 'ob',
      program: ob,
      version: [ob, '--version'],
      most: 1000,
      parallel: [8],
      prepare: (n) => {
        put(`${BASE}/hosts.yaml`, hostsYaml(n));
        put(`${BASE}/serve.yaml`, hostsYaml(1, '[/answer]'));
      },
      create: () => [ob, 'apply', `${BASE}/hosts.yaml`],
      destroy: () => [ob, 'destroy', `${BASE}/hosts.yaml`],
      serve: () => [ob, 'apply', `${BASE}/serve.yaml`],
    },
    oci('crun'),
    oci('runc'),
    {
      ...common,
      name: 'lxc',
      program: 'lxc-start',
      version: ['lxc-start', '--version'],
      prepare: (n) => forEach(n, (i) => put(`${BASE}/lxc/s${i}/config`, lxcConfig(i, '/pid1'))),
      create: (n, c) => sh(each(n, c, `lxc-start -P ${BASE}/lxc -n s{} -d`)),
      destroy: (n) => sh(each(n, 4, `lxc-stop -P ${BASE}/lxc -n s{} -k`)),
      serve: () => sh(`sed -i s,/pid1,/answer, ${BASE}/lxc/s1/config && lxc-start -P ${BASE}/lxc -n s1 -d`),
    },
    {
      ...common,
      name: 'bwrap',
      program: 'bwrap',
      version: ['bwrap', '--version'],
      prepare: (n) => forEach(n, () => {}),
      create: (n) => sh(`${outer(n)} for i in $(seq ${n}); do ${bwrap('$i', '/pid1')} & done`),
      destroy: (n) => sh(`kill -9 $(pgrep -x pid1); while pgrep -x pid1 >/dev/null; do :; done${inner(n)}`),
      ready: 'pid1',
      serve: () => sh(`${outer(1)} ${bwrap('1', '/answer')} &`),
    },
    {
      ...common,
      name: 'overlay-boot',
      program: 'overlay-boot',
      version: ['dpkg-query', '-W', 'overlay-boot'],
      prepare: (n) => forEach(n, overlayBootFiles),
      // It returns at once: all go on at the same time, whatever one wishes.
      parallel: [1],
      create: (n) => sh(each(n, 1, `overlay-boot ${BASE}/s{}/s{}.conf`)),
      destroy: (n) => sh(each(n, 4, `overlay-stop ${BASE}/s{}/s{}.conf`)),
      ready: '.reaper',
      serve: () => sh(`sed -i s,START=none,START=/serve, ${BASE}/s1/s1.conf && overlay-boot ${BASE}/s1/s1.conf`),
    },
  ];
}

/** What a subhost runs lies in its upper directory: the machine's own tmpfs are not seen inside. */
export function copyPrograms({ pid1, answer }: Tools, i: number): void {
  mkdirSync(`${BASE}/s${i}/root`, { recursive: true });
  copyFileSync(pid1, `${BASE}/s${i}/root/pid1`);
  copyFileSync(answer, `${BASE}/s${i}/root/answer`);
}

function bwrap(i: string, program: string): string {
  const spaces = '--unshare-pid --unshare-uts --unshare-ipc --unshare-cgroup --as-pid-1 --cap-add ALL';
  const mounts = `--bind ${BASE}/s${i}/live / --proc /proc --dev /dev --tmpfs /run`;
  return `nsenter --net=/run/netns/s${i} bwrap ${spaces} ${mounts} ${program} </dev/null >/dev/null 2>&1`;
}

function overlayBootFiles(i: number): void {
  const base = `${BASE}/s${i}`;
  for (const folder of ['root', 'work', 'live']) mkdirSync(`${base}/${folder}`, { recursive: true });
  put(`${base}/s${i}.conf`, `NAME=s${i}\nBASE=${base}\nCABLES=br0=${mac(i)}\nSTART=none\nLOG=${base}/log\n`);
  const network = `ip address add ${address(i)}/16 dev eth0; ip link set eth0 up`;
  put(`${base}/root/serve`, `#!/bin/sh\n${network}\nexec /answer start\n`);
}

function lxcConfig(i: number, program: string): string {
  return `lxc.uts.name = s${i}
lxc.rootfs.path = overlay:/:${BASE}/s${i}/root
lxc.net.0.type = veth
lxc.net.0.link = br0
lxc.net.0.flags = up
lxc.net.0.hwaddr = ${mac(i)}
lxc.net.0.veth.pair = s${i}0
lxc.net.0.ipv4.address = ${address(i)}/16
lxc.init.cmd = ${program}
lxc.mount.auto = proc sys
lxc.mount.entry = tmpfs run tmpfs nosuid,nodev,mode=755 0 0
lxc.autodev = 1
lxc.pty.max = 0
lxc.tty.max = 0
lxc.apparmor.profile = unconfined
`;
}

function bundle(i: number, program: string): string {
  const mount = (destination: string, type: string, ...options: string[]) => ({ destination, type, source: type, options });
  return JSON.stringify({
    ociVersion: '1.0.2',
    process: { args: [program], env: ['PATH=/usr/bin:/bin'], cwd: '/', user: { uid: 0, gid: 0 } },
    root: { path: `${BASE}/s${i}/live` },
    hostname: `s${i}`,
    mounts: [
      mount('/proc', 'proc'),
      mount('/dev', 'tmpfs', 'nosuid', 'mode=755', 'size=65536k'),
      mount('/dev/pts', 'devpts', 'newinstance', 'ptmxmode=0666', 'mode=0620'),
      mount('/dev/shm', 'tmpfs', 'nosuid', 'nodev', 'mode=1777'),
      mount('/sys', 'sysfs', 'nosuid', 'nodev', 'ro'),
      mount('/run', 'tmpfs', 'nosuid', 'nodev', 'mode=755', 'size=50m'),
    ],
    linux: {
      namespaces: [{ type: 'network', path: `/run/netns/s${i}` }, ...['mount', 'pid', 'uts', 'ipc', 'cgroup'].map((type) => ({ type }))],
    },
  });
}

export function isThere(program: string): boolean {
  const folders = (process.env['PATH'] ?? '').split(':');
  return program.includes('/') ? existsSync(program) : folders.some((folder) => existsSync(`${folder}/${program}`));
}
