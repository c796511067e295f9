import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { noLive } from '../machine.ts';
import { createRange, openIn, parseResults, probeSubhost, type Range, type Results, whyNoProbes } from './escapes.ts';

// The same probes under `ob` in each of its profiles and under what else is installed, one after another, as a table.
// `bench/peers.sh npm run test:hostile` installs the others on a machine that is thrown away.

interface Way {
  readonly name: string;
  /** The program without which it is left out. */
  readonly program?: string;
  run(range: Range): Promise<Results>;
}

const FETCH = fileURLToPath(new URL('../../scripts/fetch-overlay-boot', import.meta.url));
const CACHE = fileURLToPath(new URL('../../node_modules/.cache/ob/overlay-boot', import.meta.url));

const MEMLOCK = fileURLToPath(new URL('memlock.c', import.meta.url));

/** What came through as a service, or through a command that is started later. */
async function ob(range: Range, keys: string): Promise<Results> {
  const { service, exec } = await probeSubhost(range, 'web', keys);
  const open = new Set([...openIn(service), ...openIn(exec)]);
  return new Map([...service.keys()].map((name) => [name, open.has(name) ? 'open' : 'closed']));
}

/** An overlay on the machine's root, as ob and overlay-boot make it themselves. */
async function mountRoot({ machine, plant }: Range): Promise<void> {
  await plant('/mnt/web/root');
  await machine.sh(`
    mkdir -p /mnt/web/work /mnt/web/live
    mount -t overlay -o lowerdir=/,upperdir=/mnt/web/root,workdir=/mnt/web/work overlay /mnt/web/live`);
}

/** As the runtime's own `spec` has it, but for the command, which wants no terminal. */
async function oci(runtime: string, range: Range, env: readonly string[] = []): Promise<Results> {
  const { machine, command, leaky } = range;
  await mountRoot(range);
  await machine.sh(`cd /mnt/web && ${runtime} spec`);
  const config = JSON.parse(machine.read('/mnt/web/config.json'));
  config.process = { ...config.process, terminal: false, args: command };
  config.root = { path: '/mnt/web/live', readonly: false };
  machine.write('/mnt/web/config.json', JSON.stringify(config));
  const ran = await leaky('env', ...env, runtime, 'run', '--bundle', '/mnt/web', 'web');
  assert.equal(ran.code, 0, ran.stderr);
  return parseResults(ran.stdout);
}

/** See memlock.c. */
async function crun(range: Range): Promise<Results> {
  await range.machine.sh(`${process.env['CC'] ?? 'cc'} -shared -fPIC -o /mnt/memlock.so '${MEMLOCK}'`);
  return oci('crun', range, ['LD_PRELOAD=/mnt/memlock.so']);
}

async function nspawn(range: Range): Promise<Results> {
  await mountRoot(range);
  const words = ['-q', '-D', '/mnt/web/live', '--register=no', '--keep-unit', '--private-network', '--pipe', '--as-pid2'];
  const ran = await range.leaky('systemd-nspawn', ...words, ...range.command);
  assert.equal(ran.code, 0, ran.stderr);
  return parseResults(ran.stdout);
}

/** Fetched, not installed: what it brings lies in a place that a test machine has of its own. */
async function overlayBoot({ machine, command, plant, leaky }: Range): Promise<Results> {
  const fetched = spawnSync(FETCH, [CACHE], { encoding: 'utf8' });
  assert.equal(fetched.status, 0, fetched.stderr);
  await machine.sh(`dpkg-deb -x '${fetched.stdout.trim()}' /run/package && mv /run/package/var/lib/overlay-boot /var/lib/
    ip netns add any && ip netns delete any`);
  await plant('/mnt/web/root');
  const words = command.map((word) => `'${word}'`).join(' ');
  machine.write('/mnt/web/root/probe', `#!/bin/sh\n${words} >/result.part; mv /result.part /result\n`);
  machine.write('/mnt/web/web.conf', 'BASE=.\nCABLES=\nSTART=/probe\nLOG=/mnt/web/log\n');
  await machine.sh('chmod 755 /mnt/web/root/probe; mkdir -p /mnt/web/work /mnt/web/live');
  // It goes on in the background, and must not have the pipes of this test.
  await leaky('sh', '-c', '/var/lib/overlay-boot/overlay-boot /mnt/web/web.conf </dev/null >/mnt/web/out 2>&1');
  await machine.sh(
    "timeout 120 sh -c 'until [ -e /mnt/web/root/result ]; do sleep 0.05; done' || { cat /mnt/web/out /mnt/web/log >&2; false; }",
  );
  return parseResults(machine.read('/mnt/web/root/result'));
}

const WAYS: readonly Way[] = [
  { name: 'ob', run: (range) => ob(range, '') },
  { name: 'ob minimal', run: (range) => ob(range, ', profile: minimal') },
  { name: 'ob userns', run: (range) => ob(range, ', userns: 589824') },
  { name: 'ob userns, all caps', run: (range) => ob(range, ', userns: 589824, caps: { add: [all] }, seccomp: "off"') },
  { name: 'ob trusted', run: (range) => ob(range, ', profile: trusted') },
  { name: 'overlay-boot', program: 'dpkg-deb', run: overlayBoot },
  { name: 'runc', program: 'runc', run: (range) => oci('runc', range) },
  { name: 'crun', program: 'crun', run: crun },
  { name: 'nspawn', program: 'systemd-nspawn', run: nspawn },
];

const found = new Map<string, Results>();

for (const { name, program, run } of WAYS)
  test(name, { skip: noLive ?? whyNoProbes() }, async (t) => {
    const range = await createRange(t);
    if (program && (await range.machine.run('which', [program])).code !== 0) return t.skip(`${program} is not installed`);
    if (/userns/.test(name) && (await range.machine.sh('stat -f -c %T /')).trim() === 'overlayfs')
      return t.skip('an overlay cannot be shown with other owners, and / is one');
    const results = await run(range);
    assert.ok(results.size >= 60, `${results.size} probes`);
    found.set(name, results);
    return undefined;
  });

/** Markdown, as it is in docs/security.md. */
function table(): string[] {
  const names = [...found.keys()];
  const [first] = found.values();
  const probes = [...(first?.keys() ?? [])].filter((probe) => names.some((name) => found.get(name)?.get(probe) === 'open'));
  const row = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  return [
    row(['probe', ...names]),
    row(['---', ...names.map(() => '---')]),
    row(['**tried**', ...names.map((name) => `${found.get(name)?.size}`)]),
    row(['**open**', ...names.map((name) => `**${openIn(found.get(name) ?? new Map()).length}**`)]),
    ...probes.map((probe) => row([`\`${probe}\``, ...names.map((name) => (found.get(name)?.get(probe) === 'open' ? 'open' : ''))])),
  ];
}

after(() => {
  if (found.size > 0) process.stdout.write(`${table().join('\n')}\n`);
});
