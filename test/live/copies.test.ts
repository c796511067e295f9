import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createMachine, noLive } from '../machine.ts';

const HOSTS = (ram: string): string => `
subhosts:
  web: { base: /var/lib/ob/web, start: none, ram_size: ${ram} }
  tree: { base: /var/lib/ob/tree, lower: /var/lib/tree, upper: /var/lib/tree, start: none, ram_size: ${ram} }
`;

for (const propagation of ['private', 'shared'])
  test(`a root that shows elsewhere too, as in a chroot, is no other root: ${propagation} mounts`, { skip: noLive }, async (t) => {
    const machine = await createMachine(t);
    const ob = async (...args: string[]): Promise<string> => {
      const ran = await machine.ob(...args);
      assert.equal(ran.code, 0, ran.stdout + ran.stderr);
      return ran.stdout;
    };
    await machine.sh(`
      mount --make-r${propagation} /
      mkdir -p /var/lib/tree /mnt/chroot
      for d in bin dev etc lib lib64 proc run sys sbin usr; do
        [ -L /$d ] && ln -s "$(readlink /$d)" /var/lib/tree/$d || mkdir /var/lib/tree/$d; done`);
    machine.write('/mnt/hosts.yaml', HOSTS('1M'));
    await ob('apply');
    await machine.sh(`mount --rbind / /mnt/chroot`);
    const shown = await machine.sh('grep -c "^ob:default/.* /mnt/chroot/" /proc/self/mounts');
    assert(Number(shown) >= 2, `shown ${shown} times`);
    assert.match(await ob('plan', '--detailed-exitcode'), /^Nothing to do/);

    machine.write('/mnt/hosts.yaml', HOSTS('none'));
    assert.match(await ob('apply'), /started +process\/web/);
    assert.match(await ob('plan', '--detailed-exitcode'), /^Nothing to do/);

    await ob('destroy', '--scope', 'default');
    assert.equal(await machine.sh('grep ob:default /proc/self/mounts || echo none'), 'none');
  });
