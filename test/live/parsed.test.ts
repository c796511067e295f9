import assert from 'node:assert/strict';
import test from 'node:test';
import { noLive } from '../machine.ts';
import { createRig } from './rig.ts';

const HOSTS = 'scope: demo\nsubhosts:\n  web: { base: /mnt/web, ram_size: 10M, start: none }\n';
const KEPT = '/run/ob/parsed/demo.json';

test('what the parser made of a text is used again for the same text and build, and for nothing else', { skip: noLive }, async (t) => {
  const rig = await createRig(t);
  const { machine } = rig;
  rig.hosts(HOSTS);
  await rig.apply();

  // Nobody but root can do this: it shows what is read.
  const planAfter = async (script: string): Promise<number | null> => {
    await machine.sh(`cp ${KEPT} /run/as-it-was; sed -i '${script}' ${KEPT}; ! cmp -s ${KEPT} /run/as-it-was`);
    const { code } = await machine.ob('plan', '--detailed-exitcode');
    await machine.sh(`mv /run/as-it-was ${KEPT}`);
    return code;
  };

  await t.test('the same text is not parsed again', async () => {
    await rig.settled();
    assert.equal(await planAfter('s/"source":"10M"/"source":"20M"/; s/"value":"10M"/"value":"20M"/'), 2);
  });

  await t.test('another build parses it itself', async () => {
    assert.equal(await planAfter('s/"build":"/&1/; s/"value":"10M"/"value":"20M"/'), 0);
  });

  await t.test('so does a run that finds half of a file, or none', async () => {
    assert.equal(await planAfter('s/.$//'), 0);
    await machine.sh(`rm ${KEPT}`);
    await rig.settled();
    await rig.apply();
    await machine.sh(`test -s ${KEPT}`);
  });

  await t.test('another text is parsed', async () => {
    rig.hosts(HOSTS.replace('10M', '20M'));
    assert.match(await rig.plan(), /10M.*20M/);
    await rig.apply();
    assert.match(await machine.sh(`cat ${KEPT}`), /"value":"20M"/);
    rig.hosts(`${HOSTS}# another\n`);
    assert.match(await rig.plan(), /20M.*10M/);
  });

  await t.test('whom the file names is taken from there, and only of the same text', async () => {
    const other = (): Promise<number | null> => machine.ob('destroy', '/mnt/hosts.yaml', 'other').then(({ code }) => code);
    await rig.apply();
    await machine.sh(`sed -i 's/"names":."web"./"names":["other"]/' ${KEPT}`);
    assert.equal(await other(), 0, 'it is gone already');
    await machine.sh('echo >>/mnt/hosts.yaml');
    assert.equal(await other(), 64, 'there is no such subhost');
  });

  await t.test('what has gone from the machine since does not keep a subhost from being destroyed', async () => {
    await machine.sh('mkdir -p /mnt/data');
    rig.hosts(HOSTS.replace('start: none', 'start: none, share: [/mnt/data]'));
    await rig.apply();
    await machine.sh('umount /mnt/data; rmdir /mnt/data');
    assert.equal((await machine.ob('plan')).code, 65);
    assert.equal((await machine.ob('destroy')).code, 0);
    rig.hosts(HOSTS);
  });

  await t.test('it goes with what the file says', async () => {
    await rig.apply();
    assert.equal((await machine.ob('destroy')).code, 0);
    await machine.sh('! test -e /run/ob');
  });
});
