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
