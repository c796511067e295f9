import { maskOf } from './hidden.ts';
import { disksOf, type HostsFile, type Subhost } from './hosts.ts';
import { showIds } from './ids.ts';
import { ROOT_ALONE } from './linux/access.ts';
import { markOf } from './marks.ts';
import { OWN_IDS } from './mount-owners.ts';
import type { MountFields, MountSpec } from './mount-seen.ts';

/** What the file wants of the root of SUBHOST. OWN: see `ownPaths`. */
export function toSpec(file: HostsFile, subhost: Subhost, own: readonly string[]): MountSpec {
  const mark = markOf({ scope: file.scope, name: subhost.name });
  const { upper, lower, work, live, hooks, userns } = subhost;
  const setup = hooks?.setup ?? null;
  const common = {
    live,
    ...(setup === null ? { upper } : {}),
    base: ROOT_ALONE,
    access: 'rw',
    ...(upper === lower || hooks ? {} : { attached: true }),
    whole: true,
    covered_by: 0,
    setup,
    // Whatever runs next is another run.
    ...(hooks ? { in_use: true } : {}),
    ...(setup === null || upper === lower ? {} : { set_up: true }),
  } as const;
  const below = subhost.onLowerChange === 'restart' ? ({ lower_tree: 'as mounted' } as const) : {};
  return {
    address: `mount/${subhost.name}`,
    subhost: subhost.name,
    ...(hooks ? { forRun: true } : {}),
    needs: disksOf(subhost).map((address) => ({ address, class: 'replace', why: 'the filesystem of a layer is mounted anew' })),
    holds: [...(setup === null ? [`dir:${upper}`] : []), `dir:${live}`, ...(upper === lower ? [] : [`dir:${work}`])],
    fields:
      upper === lower
        ? { type: 'bind', ...common }
        : {
            type: 'overlay',
            lower,
            ...hiding(subhost),
            userns: showIds(userns),
            ...(userns ? { upper_owner: OWN_IDS } : {}),
            work,
            ...below,
            alone: true,
            ...common,
          },
    extra: { mark, subhost, own },
    summary:
      upper === lower
        ? `${upper} bound to ${live}`
        : `overlay on ${live}, upper ${setup === null ? upper : `set up by ${setup}`}, lower ${lower}${userns ? `, ids ${showIds(userns)}` : ''}`,
  };
}

function hiding(subhost: Subhost): Pick<MountFields, 'hide' | 'unhidden'> {
  const mask = maskOf(subhost);
  return mask === null ? { hide: 'none' } : { hide: mask, unhidden: [] };
}
