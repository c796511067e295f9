import { dirname, relative } from 'node:path';
import type { KeyNode, MapNode, Node, ScalarNode } from '../hosts/node.ts';
import { type Comments, hideNothing } from './conf.ts';
import { writeYaml } from './write.ts';

/** What the kernel shows of a subhost that overlay-boot runs. */
export interface RunningSubhost {
  readonly name: string;
  readonly lower: string;
  readonly upper: string;
  readonly work: string;
  /** Size of /run, e.g. `50M`; null: it is not mounted. */
  readonly ramSize: string | null;
  /** In the order of their numbers. */
  readonly cables: readonly RunningCable[];
  /** Mount points inside that overlay-boot does not make in every subhost. */
  readonly mounts: readonly string[];
  /** Names of the programs that run inside. */
  readonly programs: readonly string[];
}

interface RunningCable {
  readonly number: number;
  readonly bridge: string | null;
  readonly mac: string | null;
  readonly address: readonly string[];
  /** On this cable. */
  readonly vlans: readonly { readonly id: number; readonly bridge: string | null }[];
}

const SPOT = { line: 1, column: 1 } as const;
const DEFAULT_RAM_SIZE = '50M';

/**
 * The hosts file that says what runs. What overlay-boot was told and the kernel does not know is left at its default: WARN
 * is told, and the file has a comment.
 */
export function writeRunning(subhosts: readonly RunningSubhost[], warn: (line: string) => void): string {
  const comments: Comments = new Map();
  const entries = subhosts.map((one) => {
    const doubts = doubtsOf(one);
    for (const doubt of doubts) warn(`${one.name}: ${doubt}`);
    const value = map(entriesOf(one, comments));
    comments.set(
      value,
      doubts.map((doubt) => `# ${doubt}`),
    );
    return { key: key(one.name), value };
  });
  return writeYaml(map([{ key: key('subhosts'), value: map(entries) }]), comments);
}

function doubtsOf({ upper, cables, mounts, programs }: RunningSubhost): string[] {
  const gap = cables.some(({ number }, index) => number !== index);
  return [
    `live cannot be seen from outside: ${dirname(upper)}/live is taken`,
    `start cannot be seen: networking and ssh are started if it is left out; what runs is ${programs.join(', ') || 'nothing'}`,
    'premount, postmount, init, log and an upper that a program sets up cannot be seen',
    ...(gap ? ['the numbers of its cables have a gap: each cable here gets the number of its place'] : []),
    ...mounts.map((point) => `what is mounted on ${point} may be a share: share says which directory of the machine is seen there`),
  ];
}

function entriesOf({ lower, upper, work, ramSize, cables }: RunningSubhost, comments: Comments): MapNode['entries'] {
  const base = dirname(upper);
  const path = (name: string, value: string, usual: string): MapNode['entries'] =>
    value === usual ? [] : [{ key: key(name), value: scalar(below(base, value)) }];
  return [
    { key: key('base'), value: scalar(base) },
    ...(lower === '/' ? [hideNothing(SPOT)] : [{ key: key('lower'), value: scalar(lower) }]),
    ...path('upper', upper, `${base}/root`),
    ...path('work', work, `${base}/work`),
    ...(cables.length > 0 ? [{ key: key('cables'), value: cablesOf(cables, comments) }] : []),
    ...(ramSize === DEFAULT_RAM_SIZE ? [] : [{ key: key('ram_size'), value: scalar(ramSize ?? 'none') }]),
  ];
}

/** In overlay-boot's own words. An address is not ob's to give as long as the subhost gives it to itself. */
function cablesOf(cables: readonly RunningCable[], comments: Comments): Node {
  const items = cables.flatMap(({ number, bridge, mac, address, vlans }) => {
    const item = scalar(`${bridge ?? ''}=${mac ?? ''}`);
    if (address.length > 0) comments.set(item, [`# eth${number} has ${address.join(', ')} now`]);
    return [item, ...vlans.map((vlan) => scalar(`${vlan.bridge ?? ''}=.${vlan.id}`))];
  });
  return { kind: 'list', ...SPOT, items };
}

function below(base: string, path: string): string {
  const short = relative(base, path);
  return short.startsWith('..') || short === '' ? path : short;
}

function map(entries: MapNode['entries']): MapNode {
  return { kind: 'map', ...SPOT, entries };
}

function key(text: string): KeyNode {
  return { ...SPOT, text };
}

function scalar(text: string): ScalarNode {
  return { kind: 'scalar', ...SPOT, value: text, source: text };
}
