import assert from 'node:assert/strict';
import test from 'node:test';
import { lacksLimits, noLive } from '../machine.ts';
import { createRange, openIn, probeSubhost, whyNoProbes } from './escapes.ts';

test('root of a subhost gets at nothing of the machine, as a service and through ob exec', { skip: noLive ?? whyNoProbes() }, async (t) => {
  const range = await createRange(t);
  const { service, exec } = await probeSubhost(range, 'web', '');
  // Where the machine has no limits to set, there is none.
  const unlimited = lacksLimits() ? ['fork_bomb'] : [];
  assert.deepEqual({ service: openIn(service), exec: openIn(exec) }, { service: unlimited, exec: unlimited });
  assert.ok(service.size >= 60 && exec.size === service.size, `${service.size} and ${exec.size} probes`);
});

test('the probes come through where nothing is kept from them', { skip: noLive ?? whyNoProbes() }, async (t) => {
  const range = await createRange(t);
  const { service } = await probeSubhost(range, 'web', ', profile: trusted');
  assert.ok(openIn(service).length >= 30, openIn(service).join(' '));
});

test('nor does it with ids of its own', { skip: noLive ?? whyNoProbes() }, async (t) => {
  const range = await createRange(t);
  const { service, exec } = await probeSubhost(range, 'web', ', userns: 589824');
  const unlimited = lacksLimits() ? ['fork_bomb'] : [];
  assert.deepEqual({ service: openIn(service), exec: openIn(exec) }, { service: unlimited, exec: unlimited });
});

/** What reaches nothing but what is its own: more namespaces, mounts in these, keys of its user, a terminal of its own. */
const HARMLESS = [
  ...['mount_tmpfs', 'mount_new_api', 'mount_namespace', 'pivot_again', 'user_keyring', 'add_key', 'ring', 'fork_bomb'],
  ...['user_namespace', 'clone_user_namespace', 'clone3_user_namespace', 'host_of_vm', 'kernel_ciphers', 'fault_handler'],
  ...['call_of_i386', 'call_of_x32', 'type_into_terminal'],
];

test('all capabilities in a user namespace are none on the machine', { skip: noLive ?? whyNoProbes() }, async (t) => {
  const range = await createRange(t);
  const { service, exec } = await probeSubhost(range, 'web', ', userns: 589824, caps: { add: [all] }, seccomp: "off"');
  assert.deepEqual(
    [...openIn(service), ...openIn(exec)].filter((name) => !HARMLESS.includes(name)),
    [],
  );
  assert.ok(openIn(service).includes('mount_namespace'), 'it has them');
});
