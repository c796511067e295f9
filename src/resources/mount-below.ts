import { layersOf } from './ids.ts';
import type { Fields, Live } from './kind.ts';
import { isAsStamped } from './linux/lower-tree.ts';
import { type MountEntry, optionValue } from './linux/mountinfo.ts';
import type { Machine } from './machine.ts';
import { stampOfMark } from './marks.ts';

/** What is seen of the tree below a root. */
interface Below {
  readonly fields: { readonly lower_tree?: 'as mounted' | 'changed'; readonly lower_changed_at?: string };
  readonly renews?: Pick<Live<Fields>, 'renews'>;
}

/**
 * Of what was not kept nothing is said; nor is a tree called changed while it is being changed: one that is started in the
 * middle of an upgrade sees half of it.
 */
export function seeBelow({ look }: Machine, root: MountEntry | undefined): Below {
  const stamp = stampOfMark(root?.source ?? '');
  const tree = stamp && look.tree(layersOf(optionValue(root?.options ?? [], 'lowerdir') ?? '').lower);
  if (!stamp || !tree) return { fields: {} };
  if (isAsStamped(tree, stamp)) return { fields: { lower_tree: 'as mounted' } };
  return {
    fields: {
      ...(tree.isChanging() ? {} : { lower_tree: 'changed' }),
      lower_changed_at: new Date(tree.changedAt).toISOString(),
    },
    renews: { renews: 'the tree below, which has changed since the root was mounted' },
  };
}
