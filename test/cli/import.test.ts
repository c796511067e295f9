import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import test from 'node:test';
import { createMachine, noLive, type Ran, type TestMachine } from '../machine.ts';
import { HOSTILE } from '../planner/conf-corpus.ts';

/** Files below /mnt/opt, each in a folder of its own. */
async function confs(machine: TestMachine, files: Readonly<Record<string, string>>): Promise<void> {
  for (const [name, text] of Object.entries(files)) {
    const [folder = ''] = name.split('/');
    mkdirSync(`/proc/${machine.pid}/root/mnt/opt/${folder}`, { recursive: true });
    machine.write(`/mnt/opt/${name}`, text);
  }
}

function assertQuiet({ code, stdout, stderr }: Ran, expected: number, what: string): void {
  assert.deepEqual([code, stderr], [expected, ''], `${what}\n${stdout}`);
}

test('the smallest example of overlay-boot(8) comes up, is what its file says, and goes', { skip: noLive }, async (t) => {
  const machine = await createMachine(t);
  await confs(machine, { 'copy/copy.conf': '# /opt/subhost/copy/copy.conf\n# mkdir -p /opt/subhost/copy/{root,work,live}\nBASE= .\n' });
  const path = '/mnt/opt/copy/copy.conf';
  assertQuiet(await machine.ob('apply', path), 0, 'apply');
  assert.match((await machine.ob('plan', path)).stdout, /^Nothing to do: /);
  assertQuiet(await machine.ob('plan', '--detailed-exitcode', path), 0, 'second plan');
  const { stdout } = await machine.ob('status', '--json', path);
  const [copy] = JSON.parse(stdout) as { name: string; scope: string; state: string; pid1: number }[];
  assert.deepEqual([copy?.name, copy?.scope, copy?.state], ['copy', 'default', 'running']);
  // Without networking, and with a root that is the machine's own tree below one of its own.
  assert.equal(await machine.sh('ip -n copy -br link | cut -d" " -f1'), 'lo');
  assert.equal(await machine.sh('cmp /mnt/opt/copy/live/etc/os-release /etc/os-release && echo same'), 'same');
  assert.match(
    await machine.sh('cat /proc/mounts'),
    /^ob:default\/copy@\S+ \/mnt\/opt\/copy\/live overlay .*upperdir=\/mnt\/opt\/copy\/root/m,
  );
  await machine.sh('echo kept >/mnt/opt/copy/live/root/kept');
  assertQuiet(await machine.ob('destroy', path), 0, 'destroy');
  assert.equal(
    await machine.sh('cat /mnt/opt/copy/root/root/kept; ls /mnt/opt/copy; grep -c ob: /proc/mounts || true'),
    'kept\ncopy.conf\nlive\nroot\nwork\n0',
  );
});

test('a run with a conf file is about its subhost and no other', { skip: noLive }, async (t) => {
  const machine = await createMachine(t);
  await confs(machine, {
    'a/a.conf': 'BASE=.\nSTART=none\nCABLES= =\nSHARE= file:/srv/seen\n',
    'a/file': 'shared\n',
    'b/b.conf': 'BASE=.\nSTART=none\n',
    'other/hosts.yaml': '',
  });
  machine.write('/mnt/opt/other/hosts.yaml', 'subhosts: { other: { base: ., start: none } }\n');
  const [a, b, both] = ['/mnt/opt/a/a.conf', '/mnt/opt/b/b.conf', '/mnt/opt/other/both.yaml'];
  const names = async (): Promise<string> => machine.sh('ls /run/netns | tr "\\n" " "');
  assertQuiet(await machine.ob('apply', '/mnt/opt/other/hosts.yaml'), 0, 'apply the hosts file');
  await machine.ob('apply', a);
  assert.equal((await machine.ob('exec', 'a', '--', 'cat', '/srv/seen')).stdout, 'shared\n');
  assertQuiet(await machine.ob('apply', b), 0, 'apply b');
  assert.equal(await names(), 'a b other');
  assert.match((await machine.ob('apply', b, a)).stdout, /^Nothing to do: /);
  assert.deepEqual((await machine.ob('status', b)).stdout.match(/^\w+(?= +running)/gm), ['b']);

  // What is imported says the same: there is nothing left for it to do.
  const { code, stdout } = await machine.ob('import', a, b);
  assert.equal(code, 0);
  machine.write(both, stdout);
  assert.match((await machine.ob('plan', both, '--limit', 'a,b')).stdout, /^Nothing to do: /);

  assertQuiet(await machine.ob('destroy', a), 0, 'destroy a');
  assert.equal(await names(), 'b other');
  machine.write(b, 'STRAT=none\n');
  const refused = await machine.ob('destroy', b);
  assert.equal(refused.code, 65);
  assert.match(refused.stderr, /b\.conf:1:1: BASE is missing\n {4}-> without a good file, name the subhost: ob destroy NAME\n$/);
  assertQuiet(await machine.ob('destroy', 'b'), 0, 'destroy b by name');
  assert.equal(await names(), 'other');
});

/** Whatever a hostile file has in mind would be seen here; in /run the lock comes and goes. */
const LOOK = `
find /mnt /var/lib -printf '%p %y %m %s %U %C@ %l\\n' | sort
find /run -printf '%p %y %m %U %l\\n' | sort
ip -o link | cut -d: -f2
cat /proc/mounts
`;

test('no file of overlay-boot makes ob run, write or wait for anything', { skip: noLive }, async (t) => {
  const machine = await createMachine(t);
  // What means nothing to a shell is left to the tests of reading alone.
  const toRun = Object.entries(HOSTILE).filter(([, { conf }]) => /CANARY|[!*]|-P/.test(conf));
  const entries = toRun.map(([name, hostile], index) => ({ name, ...hostile, folder: `c${index}` }));
  await confs(
    machine,
    Object.fromEntries(
      entries.map(({ folder, conf }) => [`${folder}/web.conf`, conf.replaceAll('CANARY', '/mnt/canary/hit').replaceAll('/mnt/opt', '')]),
    ),
  );
  await machine.sh('mkdir -m 755 /mnt/canary && echo kept >/mnt/canary/kept');
  const before = await machine.sh(LOOK);
  const check = async ({ name, folder, refused }: (typeof entries)[number], index: number): Promise<void> => {
    const path = `/mnt/opt/${folder}/web.conf`;
    // overlay-stop ran such values as well. All three commands read by the same code, so each second one is enough.
    const also = index % 2 === 0 ? ['destroy', '--lock-timeout', '60'] : ['import'];
    for (const words of [['plan'], also]) {
      const { code, stdout, stderr } = await machine.ob(...words, path);
      const isWell = code === (refused ? 65 : 0);
      // What does not fit this machine can be said in YAML as well as in the conf file.
      assert(isWell || (words[0] === 'import' && code === 0), `${name}: ${words[0]} exits ${code}\n${stdout}${stderr}`);
    }
  };
  for (let next = 0; next < entries.length; next += 4)
    await Promise.all(entries.slice(next, next + 4).map((entry, index) => check(entry, next + index)));
  assert.equal(await machine.sh(LOOK), before);

  // Nor where such a base is made, mounted on and left again.
  for (const { name, folder, means } of entries.filter((entry) => entry.means?.['base'] && entry.conf.includes('CANARY'))) {
    const path = `/mnt/opt/${folder}/web.conf`;
    assertQuiet(await machine.ob('apply', path), 0, name);
    const wanted = String(means?.['base']).replace('/mnt/opt', `/mnt/opt/${folder}`).replaceAll('CANARY', '/mnt/canary/hit');
    assert.equal(
      (await machine.run('test', ['-e', `${wanted}/live/etc/os-release`])).code,
      0,
      `${name}: nothing is mounted on ${wanted}/live`,
    );
    assertQuiet(await machine.ob('destroy', path), 0, name);
  }
  assert.equal(await machine.sh('ls -A /mnt/canary; cat /mnt/canary/kept'), 'kept\nkept');
});
