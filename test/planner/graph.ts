import assert from 'node:assert/strict';
import type { Change } from '../../src/planner/diff.ts';
import type { Step } from '../../src/planner/order.ts';
import type { Address, Live, Spec } from '../../src/resources/kind.ts';

/** As `ob plan` shows them; `=`: nothing to do. */
const ACTIONS: Readonly<Record<string, Change['action']>> = {
  '+': 'create',
  '~': 'update',
  '!': 'restart',
  '-/+': 'replace',
  '-': 'remove',
  '=': 'none',
};

/**
 * Changes out of a graph: `+a, -/+b [x] <- a` says that a is made, and that b, which needs a and holds the name x,
 * is replaced; `~a {b}` that a is kept by b. Names are addresses of kind `thing` unless they have a kind of their own: `root/a`.
 */
export function changesOf(graph: string): Change[] {
  return graph.split(', ').map((entry) => {
    const [, sign = '', name = '', holds = '', keptBy, needs = ''] =
      /^(\W+)([\w/]+)(?: \[(.*)\])?(?: \{(.*)\})?(?: <- (.*))?$/.exec(entry) ?? [];
    const action = ACTIONS[sign];
    assert(action, `no such change: ${entry}`);
    const change = toChange(action, addressOf(name), wordsOf(holds), wordsOf(needs).map(addressOf));
    return keptBy && change.live ? { ...change, live: { ...change.live, keptBy: addressOf(keptBy) } } : change;
  });
}

function wordsOf(text: string): string[] {
  return text.split(' ').filter(Boolean);
}

function addressOf(name: string): Address {
  return name.includes('/') ? (name as Address) : `thing/${name}`;
}

function toChange(action: Change['action'], address: Address, holds: string[], needs: Address[]): Change {
  const base = { address, subhost: null, action, fields: [], because: [] };
  const spec: Spec = { ...specOf(address, needs), holds };
  const live: Live = { address, subhost: null, needs, holds, fields: {}, handle: null };
  return { ...base, ...(action === 'remove' ? {} : { spec }), ...(action === 'create' ? {} : { live }) };
}

/** A spec that wants nothing but to be there, after what it needs. */
export function specOf(address: Address, needs: readonly Address[] = []): Spec {
  const none = needs.map((need) => ({ address: need, class: 'none' as const, why: '' }));
  return { address, subhost: null, needs: none, holds: [], fields: {}, summary: '', extra: null };
}

/** Steps as text: `-a`, `+a <- -a`: a is removed, and made after that. */
export function textOfSteps(steps: readonly Step[]): string {
  return steps.map((step) => [shortOf(step.id), [...step.after].map(shortOf).sort().join(' ')].filter(Boolean).join(' <- ')).join(', ');
}

/** `+a` for `converge thing/a`, `-a` for its removal. */
export function shortOf(id: string): string {
  return id
    .replace(/^converge /, '+')
    .replace(/^remove /, '-')
    .replace('thing/', '');
}
