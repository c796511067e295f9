import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import test from 'node:test';
import { lacksLimits, noLive, OB } from '../machine.ts';
import { LOOP_NODES, noImages } from './images.ts';
import { createRig, type Rig, textOf } from './rig.ts';

// Ids of its own beside all else that a subhost can have.

const FIRST = 589824;
const hasTun = existsSync('/dev/net/tun');

const WEB = `scope: demo
subhosts:
  web:
    base: /mnt/web
    userns: ${FIRST}
    premount: [/bin/sh, -c, "echo before >>/mnt/hooks"]
    postmount: [/bin/sh, -c, "echo after >>/mnt/hooks"]
    init: /mnt/boot
    start: none
    log: /mnt/web.log
    share: [/mnt/data]
${hasTun ? '    devices: [/dev/net/tun]\n' : ''}`;

/** A service that says who it is. */
const PREPARE = `mkdir -p /mnt/web/root/srv /mnt/data; chmod 777 /mnt/data
  printf '#!/bin/sh\\necho /srv/work start\\n' >/mnt/boot
  cat >/mnt/web/root/srv/work <<'END'
#!/bin/sh
[ "$1" = start ] || exit 0
echo "I am $(id -u)"; echo made >/mnt/data/by-service
setsid sleep 1000 >/dev/null 2>&1 &
END
  chmod 755 /mnt/boot /mnt/web/root/srv/work; chown -R ${FIRST}:${FIRST} /mnt/web/root`;

async function must(rig: Rig, ...words: string[]): Promise<string> {
  const ran = await rig.machine.ob(...words);
  assert.equal(ran.code, 0, textOf(ran));
  return ran.stdout;
}

const exec = (rig: Rig, script: string): Promise<string> => must(rig, 'exec', 'web', '--', 'sh', '-c', script);

test('a subhost with ids of its own has hooks, a log, shares, devices, a terminal, restarts and resets', { skip: noLive }, async (t) => {
  const rig = await createRig(t);
  const { machine } = rig;
  await machine.sh(PREPARE);
  rig.hosts(WEB);
  await rig.apply();
  await rig.settled();

  await t.test('commands of the machine are run by its root, what they print inside', async () => {
    assert.equal(await machine.sh('cat /mnt/hooks; stat -c %u /mnt/hooks /mnt/web.log'), 'before\nafter\n0\n0');
    assert.match(await machine.sh('until grep -q "I am" /mnt/web.log; do sleep 0.02; done; cat /mnt/web.log'), /I am 0$/m);
    assert.match(await must(rig, 'logs', 'web'), /I am 0$/m);
  });

  await t.test('what it makes in a share is of its ids', async () => {
    assert.equal(
      await machine.sh('until [ -s /mnt/data/by-service ]; do sleep 0.02; done; stat -c %u:%g /mnt/data/by-service'),
      `${FIRST}:${FIRST}`,
    );
    assert.equal(await exec(rig, 'stat -c %U /mnt/data/by-service /mnt/data'), 'root\nnobody\n');
  });

  await t.test('a device can be used as the machine lets everybody', { skip: hasTun ? false : 'there is no /dev/net/tun' }, async () => {
    const mode = await machine.sh('stat -c %a /dev/net/tun');
    const ran = await machine.ob('exec', 'web', '--', 'sh', '-c', 'exec 3<>/dev/net/tun && echo open');
    if (mode.endsWith('6')) assert.deepEqual([ran.code, ran.stdout], [0, 'open\n'], textOf(ran));
    else assert.match(ran.stderr, /Permission denied/);
  });

  await t.test('a command has a terminal of its own', async () => {
    const inside = 'tty; stat -c %U:%G:%a $(tty); echo again >/dev/tty; stty size';
    const ran = await machine.run('script', ['-qec', `stty rows 33 cols 77; ${OB} exec web -- sh -c '${inside}'`, '/dev/null'], {
      cwd: '/mnt',
    });
    // script(1) passes the end of its own input on as a key.
    assert.equal(ran.stdout.replaceAll('\r', '').replaceAll('^@', ''), '/dev/pts/0\nroot:tty:620\nagain\n33 77\n', textOf(ran));
  });

  await t.test('a hold lasts, and a restart comes back', async () => {
    const pid = rig.pid1('web');
    await must(rig, 'hold', 'web');
    await machine.sh('ip -n web link set lo down');
    await rig.apply();
    assert.equal(await machine.sh('ip -n web -br link show lo | grep -c DOWN'), '1');
    await must(rig, 'release', 'web');
    await rig.apply();
    assert.equal(rig.pid1('web'), pid);
    await must(rig, 'restart', 'web');
    assert.notEqual(rig.pid1('web'), pid);
    await rig.settled();
  });

  await t.test('a reset keeps what it takes away, of the same owners', async () => {
    await exec(rig, 'echo mine >/etc/issue; mkdir -p /mnt/new; chown 7:8 /mnt/new; rm /etc/motd 2>/dev/null || rm /etc/debian_version');
    assert.match(await must(rig, 'diff', 'web'), /^C {2}\/etc\/issue$/m);
    await must(rig, 'stop', 'web');
    await must(rig, 'reset', 'web', '/etc', '/mnt/new');
    await must(rig, 'start', 'web');
    await rig.settled();
    assert.equal(await machine.sh('cmp /etc/issue /mnt/web/live/etc/issue; stat -c %u:%g /mnt/web/root'), `${FIRST}:${FIRST}`);
    assert.equal(
      await machine.sh('cd /mnt/web/reset-*/upper; stat -c %u:%g etc/issue mnt/new'),
      `${FIRST}:${FIRST}\n${FIRST + 7}:${FIRST + 8}`,
    );
    assert.equal(await exec(rig, 'echo x >/etc/issue; stat -c %U / /etc /etc/issue'), 'root\nroot\nroot\n');
  });
});

test('limits hold for ids of its own, and what is killed is told', { skip: noLive ?? lacksLimits() }, async (t) => {
  const rig = await createRig(t, { limits: true });
  await rig.machine.sh(PREPARE);
  rig.hosts(
    `scope: demo\nsubhosts: { web: { base: /mnt/web, userns: ${FIRST}, start: [/srv/work], limits: { memory: 32M, pids: 60 } } }\n`,
  );
  await rig.apply();
  const hog = await rig.machine.ob('exec', 'web', '--', 'sh', '-c', 'head -c 200000000 /dev/zero | tail -c 150000000 >/dev/null');
  assert.equal(hog.code, 137, textOf(hog));
  const [web] = await rig.status();
  assert.deepEqual([web?.memory_limit_bytes, web?.oom_kills, web?.pids_limit, web?.state], [32 << 20, 1, 60, 'running']);
  assert.deepEqual(web?.notes, ['the kernel has killed 1 of its processes at its limit of 32M of memory']);
});

test('its upper directory may be in an image, and files of others there are not taken over', { skip: noLive ?? noImages }, async (t) => {
  const rig = await createRig(t);
  await rig.machine.sh(`${LOOP_NODES}
    mkdir -p /mnt/web /mnt/disk/root; cd /mnt/web; truncate -s 8M machine.img own.img; echo kept >/mnt/disk/root/kept
    mkfs.ext4 -q -F -d /mnt/disk machine.img; chown -R ${FIRST}:${FIRST} /mnt/disk; mkfs.ext4 -q -F -d /mnt/disk own.img`);
  const hosts = (image: string, more: string): string =>
    `scope: demo\nsubhosts: { web: { base: /mnt/web, upper: { diskfile: { image: ${image} } }, start: none${more} } }\n`;
  const userns = `, userns: ${FIRST}`;
  const look = 'stat -c %u /kept; tr -s " " </proc/self/uid_map';
  for (const [text, ids] of [
    [hosts('own.img', userns), ` 0 ${FIRST} 65536`],
    [hosts('machine.img', ''), ' 0 0 4294967295'],
  ] as const) {
    rig.hosts(text);
    await rig.apply();
    await rig.settled();
    assert.equal(await exec(rig, look), `0\n${ids}\n`);
  }
  const pid = rig.pid1('web');
  rig.hosts(hosts('machine.img', userns));
  const ran = await rig.machine.ob('apply');
  assert.match(
    textOf(ran),
    /^exit 1\n.*in the way: \/run\/ob\/disk\/demo\/web\.upper\/root belongs to the machine's root, not to the ids/s,
  );
  assert.equal(rig.pid1('web'), pid);
  await must(rig, 'destroy');
  const again = await rig.machine.ob('apply');
  assert.match(textOf(again), /^exit 1\n.*FAILED +mount\/web: \/run\/ob\/disk\/demo\/web\.upper\/root belongs to the machine's root/s);
  await must(rig, 'destroy');
});
