import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import test from 'node:test';
import { createMachine, noLive } from '../machine.ts';
import { HOSTS, initsOf, OB } from './helpers.ts';

/** Without `prepare`: npx would build what has been built. */
const MANIFEST = JSON.stringify({ ...JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')), scripts: {} });
const BOTH = ['ob:demo/client', 'ob:demo/web'];

test('the reaper is found wherever the checkout is and however ob is called', { skip: noLive }, async (t) => {
  const machine = await createMachine(t);
  machine.write('/mnt/hosts.yaml', HOSTS);
  const checkout = '/mnt/a check out';
  await machine.sh(`mkdir '${checkout}' /mnt/bin && cp -r ${dirname(OB)} '${checkout}' && ln -s '${checkout}/dist/ob' /mnt/bin/ob`);
  machine.write(`${checkout}/package.json`, MANIFEST);
  // What npm keeps and writes stays in the machine's memory.
  const npx = 'HOME=/mnt npm_config_cache=/mnt/npm npm_config_update_notifier=false npx --offline ob';
  const calls = {
    'through a link on the PATH': 'cd / && PATH=/mnt/bin:$PATH ob',
    'by a relative name': `cd '${checkout}/dist' && ./ob`,
    'by npx in the checkout': `cd '${checkout}' && ${npx}`,
  };
  for (const [how, ob] of Object.entries(calls)) {
    await machine.sh(`${ob} apply /mnt/hosts.yaml`);
    assert.deepEqual(await initsOf(machine), BOTH, how);
    assert.equal((await machine.ob('destroy')).code, 0);
  }
});

test('a relative FILE is meant from where one stands, a path in it from where the file is', { skip: noLive }, async (t) => {
  const machine = await createMachine(t);
  await machine.sh('mkdir -p /mnt/sites/one /mnt/elsewhere');
  machine.write('/mnt/sites/hosts.yaml', 'defaults: { start: none }\nsubhosts: { web: { base: ./one/web } }\n');
  const ran = await machine.run(OB, ['apply', '../sites/hosts.yaml'], { cwd: '/mnt/elsewhere' });
  assert.deepEqual([ran.code, ran.stderr], [0, '']);
  assert.equal(await machine.sh('ls /mnt/sites/one/web /mnt/elsewhere'), '/mnt/elsewhere:\n\n/mnt/sites/one/web:\nlive\nroot\nwork');
});
