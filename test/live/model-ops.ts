import { pick, type Random } from '../random.ts';
import { lackingFor, SORTS } from './drift-hosts.ts';
import { type Drift, driftsOf, scriptOf } from './drifts.ts';
import { editsOf, FILE, NAMES } from './model-hosts.ts';

/** What can happen to a machine: all that it takes is written down, so that any of a sequence can be left out. */
export type Op =
  /** NAME: a subhost, or `file` for what is not of one; see model-hosts.ts. */
  | { readonly do: 'edit'; readonly name: string; readonly key: string; readonly value: number }
  | { readonly do: 'apply'; readonly words: readonly string[] }
  | { readonly do: 'apply twice at once' }
  | { readonly do: 'kill apply' | 'kill destroy'; readonly at: KillAt }
  | { readonly do: 'destroy'; readonly names: readonly string[] }
  | { readonly do: 'stop' | 'restart'; readonly name: string }
  | { readonly do: 'drift'; readonly drift: Drift; readonly name: string; readonly other: string };

/** A moment; or how far through its plan, from 0 to 1. */
export type KillAt = { readonly ms: number } | { readonly share: number; readonly moment: 'before' | 'after' };

/** A run is made of these; the drifts of the table come beside what only a model can bear. */
const MORE: readonly Drift[] = [
  ['a bridge is renamed', 'ip link set ob0 down; ip link set ob0 name xob0; ip link set xob0 up'],
  ['a cable takes the name of another', 'ip link delete $OTHER"0"; ip link set $NAME"0" down; ip link set $NAME"0" name $OTHER"0"'],
  [
    'two namespaces have swapped their names',
    `for name in $NAME $OTHER; do grep -q " /run/netns/$name " /proc/self/mountinfo; done
     touch /mnt/swap; mount --bind /run/netns/$NAME /mnt/swap; umount /run/netns/$NAME
     mount --bind /run/netns/$OTHER /run/netns/$NAME; umount /run/netns/$OTHER
     mount --bind /mnt/swap /run/netns/$OTHER; while umount /mnt/swap 2>/dev/null; do :; done; rm /mnt/swap`,
  ],
  ['what is known in /run/ob is lost', 'rm -rf /run/ob/record /run/ob/wanted/demo.json /run/ob/parsed/demo.json'],
  [
    'what is known in /run/ob is cut off',
    `for file in $(find /run/ob/record /run/ob/wanted/demo.json /run/ob/parsed/demo.json -name '*.json'); do head -c 20 $file >/mnt/cut; cat /mnt/cut >$file; done; rm -f /mnt/cut`,
  ],
  ['a process inside is killed', 'kill -KILL $(tail -n 1 $CGROUP/cgroup.procs)'],
  ['a subhost is told to end', 'kill -TERM $(pid1 $NAME)'],
  ['the root is mounted a second time', 'mount --bind /mnt/$NAME/live /mnt/$NAME/live'],
].map(([what = '', inject = '']) => ({ what, inject, names: '' }));

/** Mended under a subhost that runs; where its root is mounted anew, a person's files are in the way, and rightly so. */
const IS_IN_THE_WAY = /upper directory is given to a user/;

/** Where nothing may be done as long as a drift lasts, no run can mend it. What a subhost has not, cannot be taken from it. */
const ALL = [
  ...SORTS.filter((sort) => lackingFor(sort) === undefined)
    .flatMap((sort) => driftsOf(sort))
    .filter(({ undo, what }) => undo === undefined && !IS_IN_THE_WAY.test(what)),
  ...MORE,
];

/** One of two marks is lost, or what has none lies where ours was: if more is lost, it is nobody's. */
const LOSES_MARK = /cable has lost its|bridge has lost its|of no subhost|no longer in the file|takes the name of another/;

/** Where no root is, what would cover it has no mark, and is rightly nobody's. */
const NEEDS_ROOT = /root is (covered|mounted a second time)/;

/** A run that was killed may have left a link with one of its marks: that is all that tells whose it is. */
function hasBothMarks(what: string): string {
  const [, kind] = /(cable|bridge) has lost its/.exec(what) ?? [];
  return kind ? `ip -o link show ${kind === 'bridge' ? 'ob0' : '$NAME"0"'} | grep -q "group 28514 .*alias ob:"; ` : '';
}

export function scriptFor({ drift, name, other }: Extract<Op, { do: 'drift' }>): string {
  const guards = [
    NEEDS_ROOT.test(drift.what) ? 'grep -q "^ob:demo/$NAME[@ ].*/mnt/$NAME/live overlay" /proc/mounts; ' : '',
    hasBothMarks(drift.what),
    losesLastMark(drift) ? '[ -n "$(pid1 $NAME)" ]; ' : '',
  ];
  return scriptOf({ ...drift, inject: guards.join('') + drift.inject }, name, other);
}

/** Its mark is its only one: where nothing runs in it any more, nobody can know whose it was. */
export function losesLastMark({ what }: Drift): boolean {
  return what === 'the namespace has lost its mark';
}

export function losesMark({ what }: Drift): boolean {
  return LOSES_MARK.test(what);
}

/** TIMED: kills come after some time too, which is another moment at each run. */
export function draw(random: Random, timed: boolean): Op {
  const name = pick(random, NAMES);
  const other = pick(
    random,
    NAMES.filter((one) => one !== name),
  );
  const kind = random(100);
  if (kind < 30) return { do: 'drift', drift: pick(random, ALL), name, other };
  if (kind < 52) return drawEdit(random);
  if (kind < 68) return { do: 'apply', words: pick(random, [[], [], ['--quiet'], ['-j', '1'], ['--limit', name]]) };
  if (kind < 80) return { do: 'kill apply', at: drawKill(random, timed) };
  if (kind < 84) return { do: 'kill destroy', at: drawKill(random, timed) };
  if (kind < 90) return { do: 'apply twice at once' };
  if (kind < 94) return { do: 'destroy', names: pick(random, [[], [name]]) };
  return { do: pick(random, ['stop', 'restart'] as const), name };
}

export function drawEdit(random: Random): Op {
  const name = random(10) === 0 ? FILE : pick(random, NAMES);
  const [key, count] = pick(random, editsOf(name));
  return { do: 'edit', name, key, value: random(count) };
}

function drawKill(random: Random, timed: boolean): KillAt {
  const isTimed = random(2) === 0;
  return isTimed && timed ? { ms: 20 + random(280) } : { share: random(100) / 100, moment: pick(random, ['before', 'after'] as const) };
}

export function show(op: Op): string {
  if (op.do === 'drift') return `drift of ${op.name} (${op.other}): ${op.drift.what}`;
  if (op.do === 'edit') return `edit ${op.name}: ${op.key} ${op.value}`;
  if ('at' in op) return `${op.do} ${'ms' in op.at ? `after ${op.at.ms} ms` : `${op.at.moment} step ${op.at.share} of all`}`;
  const { do: what, ...rest } = op;
  return [what, ...Object.values(rest).flat()].join(' ');
}
