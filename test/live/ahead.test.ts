import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import test from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { toldOf } from '../../src/cli/rehearsal/scene.ts';
import { parseInsides } from '../../src/resources/linux/inside.ts';
import { type Link, parseIpJson, toLink } from '../../src/resources/linux/ip.ts';
import { BUNDLE, noLive, OB, type Ran, REAPER } from '../machine.ts';
import { createRig } from './rig.ts';

const NOTHING = 'Nothing to do: 9 resources are as wanted.\n';

test('what is read before Node has started', { skip: noLive }, async (t) => {
  const rig = await createRig(t);
  rig.hosts(
    'scope: demo\nbridges: { ob0: {} }\ndefaults: { start: none }\nsubhosts:\n' +
      ['web', 'db'].map((name) => `  ${name}: { base: ./${name}, cables: [{ bridge: ob0 }] }\n`).join(''),
  );
  await rig.apply();
  const told = `${await rig.machine.sh(`${REAPER} ahead 3>/mnt/told`)}\n`;
  const root = `/proc/${rig.machine.pid}/root`;
  assert.deepEqual(readFileSync(`${root}/mnt/told`), toldOf(told));

  /** What a command says that is told TEXT, and that it is whole. */
  const runWith = (text: string, program: string, command = 'plan', sizes = toldOf(text)): Promise<Ran> => {
    rig.machine.write('/mnt/text', text);
    writeFileSync(`${root}/mnt/told`, sizes);
    return rig.machine.run('sh', ['-c', `cd /mnt; OB_AHEAD=5.6 ${program} ${command} 5<text 6<told`]);
  };
  const planWith = async (text: string, program: string, sizes?: Buffer): Promise<string> =>
    (await runWith(text, program, 'plan', sizes)).stdout;

  await t.test('is what the plan is made of', async () => {
    assert.equal(await planWith(told, BUNDLE), NOTHING);
    assert.match(await planWith(told.replace('"name":"web0","up":1', '"name":"web0","up":0'), BUNDLE), /veth\/web0\n.*up: false -> true/);
    assert.match(await planWith(told.replace('"hostname":"db"', '"hostname":"dc"'), BUNDLE), /process\/db\n.*hostname: dc -> db/);
    const lines = told.split('\n');
    const ends = lines.flatMap((line, index) => (index > 1 && line.startsWith('{') ? lines.slice(0, index + 1).join('\n').length + 1 : []));
    const other = told.replace('"hostname":"db"', '"hostname":"dc"');
    assert.match(await planWith(other, BUNDLE, toldOf(other, ends)), /process\/db\n.*hostname: dc -> db/, 'in parts');
    assert.equal(await planWith(told, BUNDLE, toldOf(told, ends)), NOTHING);
  });

  await t.test('counts for nothing if it is not whole, and what is missing in it is read', async () => {
    const lie = told.replaceAll('"up":1', '"up":0');
    for (const size of [0, 4]) assert.equal(await planWith(lie, BUNDLE, toldOf(lie).subarray(0, size)), NOTHING);
    assert.equal(await planWith(told.slice(0, -200), BUNDLE, toldOf(told)), NOTHING, 'there was no memory for the rest');
    const [machine = ''] = told.split('\n', 2).slice(1);
    const names = ['web', 'db'].map((name) => `${name}\n{"error":13}\n`).join('');
    assert.equal(await planWith(`/\n${machine}\n${names}\n/sys/fs/cgroup\n\n\n`, BUNDLE), NOTHING);
    assert.equal(
      await planWith(told.replace('\n/sys/fs/cgroup\n', '\n/elsewhere\n').replace('"hostname":"db"', '"hostname":"dc"'), BUNDLE),
      NOTHING,
    );
  });

  await t.test('is what an apply begins with, and not what proves it', async () => {
    const ran = await runWith(told.replace('"name":"web0","up":1', '"name":"web0","up":0'), BUNDLE, 'apply');
    assert.match(ran.stdout, /veth\/web0\n.*up: false -> true/);
    assert.deepEqual([ran.code, ran.stderr], [0, '']);
  });

  await t.test('is believed only of the process that ob itself has started', async () => {
    assert.equal(await planWith(told.replaceAll('"up":1', '"up":0'), OB), NOTHING);
  });

  await t.test('is of this machine what ip tells', async () => {
    await rig.machine.sh('ip link add d0 mtu 1400 type veth peer d1; ip link add d2 type dummy && ip link set d2 up || true');
    const seen = parseInsides((await rig.machine.sh(`${REAPER} ahead 3>/dev/null`)).split('\n').slice(0, 2)).get('/')?.links ?? [];
    const byIp = parseIpJson(await rig.machine.sh('ip -j -d -N address show'))
      .flat()
      .flatMap(toLink);
    assert(byIp.length > 4);
    // Of addresses for one link alone `ip` may not tell which the kernel has made.
    const wide = ({ local: _, ...link }: Link): Omit<Link, 'local'> => link;
    assert.deepEqual(seen.map(wide), byIp.map(wide));
    await rig.machine.sh('ip link del d0');
  });

  await t.test('tells of each mount namespace, and where the process in it has ended, another is looked for', async () => {
    const { machine } = rig;
    const overlay = 'mount -t overlay -o lowerdir=/,upperdir=/mnt/web/root,workdir=/mnt/w mine /mnt/m';
    const child = machine.start('unshare', ['-m', 'sh', '-c', `mkdir /mnt/w /mnt/m; ${overlay}; echo $$; exec sleep 1000`]);
    const pid = Number(await once(child.stdout ?? child, 'data'));
    const text = `${await machine.sh(`${REAPER} ahead 3>/dev/null`)}\n`;
    const [block = '', line = ''] = text.match(new RegExp(`^(${pid} \\d+\n)(?: .*\n)*`, 'm')) ?? [];
    assert.equal(`${pid} ${(await machine.sh(`readlink /proc/${pid}/ns/mnt`)).replace(/\D/g, '')}\n`, line);
    assert.match(block, /^.*\n \d+ \d+ 0:\d+ .* \/mnt\/m .* - overlay mine .*\n$/, 'none that others have as well');
    const other = `/mnt/web/root is the upper directory of another mount already: mine on /mnt/m, seen by process ${pid}`;
    assert.ok((await planWith(text, BUNDLE)).includes(other));
    assert.ok((await planWith(text.replace(block, `${line} \n`), BUNDLE)).includes(other), 'its mounts were not to be known');
    assert.ok((await planWith(text.replace(block, `${line.replace(String(pid), '9999999')} \n`), BUNDLE)).includes(other), 'it has ended');
    assert.equal(await planWith(text.replace(block, line), BUNDLE), NOTHING, 'no overlay is told of');
    assert.equal(await planWith(text.replace(block, ''), BUNDLE), NOTHING, 'nothing else is asked');
    assert.ok((await planWith(text.replace(/(\n \d.*|\n\d+ \d+)+\n$/, '\n'), BUNDLE)).includes(other), 'not told of at all');
    await machine.sh(`kill ${pid}; while [ -d /proc/${pid} ]; do sleep 0.01; done`);
  });

  await t.test('leaves no process, and needs none of the standard streams', async () => {
    const { machine } = rig;
    assert.equal(await machine.sh(`cd /mnt; ${OB} plan --detailed-exitcode </dev/null >/dev/null 2>&1; echo $?`), '0');
    assert.equal(await machine.sh(`cd /mnt; ${OB} plan --detailed-exitcode <&- >&- 2>&-; echo $?`), '0');
    const left = (): Promise<string> => machine.sh(`for p in /proc/[0-9]*; do cat $p/comm 2>/dev/null || :; done | grep -x reaper || :`);
    for (let tries = 0; (await left()) !== ''; tries++) {
      assert(tries < 500);
      await sleep(20);
    }
  });
});

test('who waits for what is read under the lock hears of its end, also where others have the pipe', { skip: noLive }, async (t) => {
  const { machine } = await createRig(t);
  const numbers = async (...strace: string[]): Promise<number[]> => {
    const files = '3<>/run/ob/lock 4>/mnt/text 5>/mnt/told';
    // It has somebody to work for until whoever looks has told its last.
    const wait = "while [ $(od -An -t d8 -v -w8 /mnt/told | grep -cx ' *0') = 0 ]; do sleep 0.05; done";
    const ran = await machine.sh(
      `mkdir -p -m 700 /run/ob; rm -f /mnt/told; : >/mnt/told; (${wait}) | ${strace.join(' ')} ${REAPER} serve early all ${files}`,
    );
    assert.equal(ran, '{"lock":0}');
    const told = readFileSync(`/proc/${machine.pid}/root/mnt/told`);
    return Array.from({ length: told.length / 8 }, (_, index) => Number(told.readBigInt64LE(8 * index)));
  };
  const size = -Math.min(...(await numbers()));
  assert.deepEqual((await numbers()).slice(1), [-size, 0]);
  const strace = ['strace', '-f', '-o', '/dev/null'];
  assert.deepEqual(await numbers(...strace, '-e', 'inject=clone:error=ENOMEM'), [0], 'nobody could be started');
  const [first, ...more] = await numbers(...strace, '-e', 'trace=getdents64', '-e', 'inject=getdents64:signal=KILL');
  assert.ok(first && first > 0 && first < size);
  assert.deepEqual(more, [0], 'whoever looks was killed half-way');
  const begin = performance.now();
  const stuck = await numbers(...strace, '-e', 'trace=getdents64', '-e', 'inject=getdents64:delay_enter=15s:when=1');
  assert.deepEqual(stuck, [first, 0], 'whoever looks does not come to an end');
  assert.ok(performance.now() - begin > 9000);
});
