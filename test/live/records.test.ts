import assert from 'node:assert/strict';
import test from 'node:test';
import { noLive } from '../machine.ts';
import { createRig, textOf } from './rig.ts';

const HOSTS = 'scope: demo\nsubhosts: { web: { base: /mnt/web, start: none } }\n';

/** What ob keeps in /run/ob of the subhost web, and what it could read there. */
const FILES = [
  ...['hold', 'stop', 'trouble', 'repair'].map((name) => `record/demo/web/${name}.json`),
  ...['confirm', 'taken-back-demo', 'applied-demo'].map((name) => `back/${name}.json`),
  'wanted/demo.json',
];

/** With the stamp of this boot, or without; BOOT stands for its id. */
const TEXTS: Readonly<Record<string, string>> = {
  nothing: '',
  'half of it': '{"boot":"BO',
  null: 'null',
  'a list': '[[]]',
  'numbers for all': JSON.stringify({
    boot: 'BOOT',
    at: 1,
    until: 1e300,
    why: 1,
    by: 2,
    failures: '3',
    next: 1e300,
    since: -1,
    file: {},
    scope: 7,
  }),
  'moments that are none': JSON.stringify({
    boot: 'BOOT',
    at: 1,
    until: 1e17,
    why: 'x',
    by: 'x',
    failures: 99,
    next: 1e17,
    since: 1e17,
    deadline: 1e17,
  }),
  'lists for all': JSON.stringify({
    boot: 'BOOT',
    at: 1,
    until: null,
    why: [],
    by: [],
    drift: [{}],
    wanted: [],
    before: [],
    file: [],
    changes: {},
  }),
  'subhosts that are none': JSON.stringify({
    'netns/web': null,
    'mount/web': { subhost: 1, fields: 2 },
    __proto__: 1,
    x: { subhost: null, fields: [] },
  }),
};

test('whatever stands where ob keeps what the kernel does not know, the kernel is believed', { skip: noLive }, async (t) => {
  const rig = await createRig(t);
  rig.hosts(HOSTS);
  await rig.apply();
  const boot = (await rig.machine.sh('cat /proc/sys/kernel/random/boot_id')).trim();
  for (const [what, text] of Object.entries(TEXTS))
    await t.test(what, async () => {
      await rig.machine.sh(`cd /run/ob; mkdir -p record/demo/web back wanted; rm -rf ${FILES.join(' ')}`);
      for (const file of FILES) rig.machine.write(`/run/ob/${file}`, text.replace('BOOT', boot));
      rig.machine.write('/var/log/ob/events.log', `${text}\n{"time":1,"by":[],"scope":{},"what":null}\n`);
      for (const words of [['status', '--json'], ['explain', 'web'], ['events'], ['plan', '--detailed-exitcode']]) {
        const ran = await rig.machine.ob(...words);
        assert.equal(ran.code, 0, `${words.join(' ')}: ${textOf(ran)}`);
      }
      await rig.machine.sh('ip -n web link set lo down');
      await rig.apply();
      await rig.settled();
    });
});
