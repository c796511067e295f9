import assert from 'node:assert/strict';
import test from 'node:test';
import { noLive } from '../machine.ts';
import { MAIL } from './drift-hosts.ts';
import { createRig } from './rig.ts';

const HOSTS = `scope: demo
subhosts:
  web:
    base: /mnt/web
    start: [mail, dumb]
    check_services: true
`;

/** One service that knows how it is, and one that says no more than that it does not know `status`. */
const PREPARE = `
  mkdir -p /mnt/web/root/etc/init.d; cd /mnt/web/root/etc/init.d
  cat >mail <<'END'
${MAIL}END
  cat >dumb <<'END'
#!/bin/sh
[ "$1" = start ] || exit 4
setsid sleep 4321 >/dev/null 2>&1 &
END
  chmod 755 mail dumb`;

test('a service that has died inside is planned and started again, and nothing else', { skip: noLive }, async (t) => {
  const rig = await createRig(t);
  await rig.machine.sh(PREPARE);
  rig.hosts(HOSTS);
  await rig.apply();
  await rig.settled();
  const pid1 = rig.pid1('web');
  const others = await rig.inside('web', 'pgrep -x -f "sleep 4321"');

  await rig.inside('web', 'kill $(cat /run/mail.pid)');
  assert.match(await rig.plan(), /^~ {3}process\/web\n {6}dead_services: \[mail\] -> \[\] {2}\(drift, live: they are started again\)\n/);
  await rig.apply();
  await rig.settled();
  await rig.inside('web', 'kill -0 $(cat /run/mail.pid)');
  assert.equal(rig.pid1('web'), pid1);
  assert.equal(await rig.inside('web', 'pgrep -x -f "sleep 4321"'), others);

  await t.test('one that does not come back fails the run', async () => {
    await rig.machine.sh('sed -i s/1234/nonsense/ /mnt/web/live/etc/init.d/mail');
    await rig.inside('web', 'kill $(cat /run/mail.pid)');
    const ran = await rig.machine.ob('apply');
    assert.equal(ran.code, 1);
    assert.match(ran.stdout, /still differs: process\/web\.dead_services: wanted \[\], seen \[mail\]/);
  });

  await t.test('without the key nobody is asked', async () => {
    rig.hosts(HOSTS.replace('    check_services: true\n', ''));
    await rig.settled();
  });
});
