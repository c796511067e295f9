import assert from 'node:assert/strict';
import test from 'node:test';
import { merge } from '../../../src/cli/back/applied.ts';
import { parseHostsFile } from '../../../src/planner/hosts/read.ts';
import type { HostsFile } from '../../../src/resources/hosts.ts';

const FACTS = { realPath: (path: string) => path, deviceOf: () => 1, whatIs: () => 'directory' as const, bridges: new Set<string>() };

function file(bridges: string, ...subhosts: readonly (readonly [name: string, bridge: string])[]): HostsFile {
  const list = subhosts.map(([name, bridge]) => `  ${name}: { base: /srv/${name}, cables: [{ bridge: ${bridge} }] }\n`).join('');
  return parseHostsFile(`bridges: { ${bridges} }\nsubhosts:\n${list}`, 'hosts.yaml', FACTS);
}

const show = ({ bridges, subhosts }: HostsFile): string =>
  [...bridges.map(({ name, address }) => `${name}=${address}`), ...subhosts.map(({ name, cables }) => `${name}@${cables[0]?.bridge}`)].join(
    ' ',
  );

const BEFORE = file('ob0: { address: 10.0.0.1/24 }, ob1: {}', ['web', 'ob0'], ['mail', 'ob1']);

test('after a limited run the others are as they were told to be before', () => {
  const next = file('ob0: { address: 10.0.0.9/24 }, ob1: { address: 10.1.0.1/24 }, ob2: {}', ['web', 'ob2'], ['mail', 'ob0']);
  assert.equal(show(merge(BEFORE, next, new Set(['web']))), 'ob0=10.0.0.1/24 ob1= ob2= mail@ob1 web@ob2');
  assert.equal(show(merge(BEFORE, next, new Set(['mail']))), 'ob1= ob0=10.0.0.9/24 web@ob0 mail@ob0');
});

test('what a limited run removes is told to be gone, and its bridge stays', () => {
  assert.equal(show(merge(BEFORE, file('ob1: {}', ['mail', 'ob1']), new Set(['web']))), 'ob0=10.0.0.1/24 ob1= mail@ob1');
});
