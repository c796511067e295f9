import test from 'node:test';
import { noLive } from '../machine.ts';
import { createRig } from './rig.ts';

const hosts = (ram: string): string => `scope: demo
bridges: { ob0: { address: 10.77.0.1/24 } }
subhosts:
  web: { base: /mnt/web, start: none, ram_size: ${ram}, cables: [{ bridge: ob0, address: 10.77.0.2/24 }] }
  client: { base: /mnt/client, start: none, cables: [ob0=] }
`;

/** What is lost but for the PID 1 of web, which has to be started anew at the same time: /run goes, or comes. */
const LOSSES: Readonly<Record<string, string>> = {
  'its root': 'umount /mnt/web/live',
  'the name of its namespace': 'umount /run/netns/web; mount --bind /run/netns/client /run/netns/web',
  'its root and the name of its namespace': 'umount /mnt/web/live; umount /run/netns/web; rm /run/netns/web',
};

test('what a PID 1 keeps is put right in the run that starts it anew', { skip: noLive }, async (t) => {
  const rig = await createRig(t);
  rig.hosts(hosts('10M'));
  await rig.apply();
  for (const [index, [what, lose]] of Object.entries(LOSSES).entries())
    await t.test(what, async () => {
      await rig.machine.sh(lose);
      rig.hosts(hosts(index % 2 === 0 ? 'none' : '10M'));
      await rig.apply();
      await rig.settled();
    });
});
