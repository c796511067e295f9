import { existsSync } from 'node:fs';
import { ExitCode, ObError } from '../resources/error.ts';
import type { HostsFile, Subhost } from '../resources/hosts.ts';
import { lowerdirOf } from '../resources/ids.ts';
import { optionValue } from '../resources/linux/mountinfo.ts';
import type { Look } from '../resources/machine.ts';
import { isRootMark, markOf } from '../resources/marks.ts';
import type { Layers } from '../resources/reset.ts';

/** The layers of a subhost with an upper directory of its own: as they are mounted, since a program may have made the upper one; else as the file has them. */
export function findLayers({ scope }: HostsFile, { name, upper, lower, work, live, hooks, userns }: Subhost, look: Look): Layers {
  if (upper === lower || lower === live)
    throw new ObError(`${name} has no upper directory: its tree is its own`, { exitCode: ExitCode.usage });
  const mark = markOf({ scope, name });
  const root = look.mounts().findLast(({ source, type, point }) => isRootMark(source, mark) && type === 'overlay' && point === live);
  const option = (key: string): string | undefined => optionValue(root?.options ?? [], key);
  const mounted = option('upperdir');
  if (mounted) return { upper: mounted, lower: option('lowerdir') ?? lower, work: option('workdir') ?? work };
  if (!hooks?.setup && existsSync(upper)) return { upper, lower: lowerdirOf(lower, null, userns), work };
  throw new ObError(`the upper directory of ${name} is not there`, { hint: `ob start ${name} makes it` });
}
