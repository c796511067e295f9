import { MASKS } from './hidden.ts';

/** Where the layers of a root with ids of its own were when it was mounted, by its first id: nobody else sees them there, see reaper/mapped.c. */
const FOLDER = '/run/ob/userns';

/** How many ids of the machine's a subhost has of its own, if it has any. */
export const ID_COUNT = 65_536;

/** systemd's range for containers begins here, of which no user is (systemd.io/UIDS-GIDS). */
export const LEAST_ID = 524_288;

/** FIRST: of its ids; 0 or undefined: it has none of its own. Else ids begin with a multiple of their number. */
export function showIds(first: number | undefined): string {
  if (!first) return 'none';
  return isFirstId(first) ? `${first}-${first + ID_COUNT - 1}` : "another program's";
}

export function isFirstId(id: number): boolean {
  return id > 0 && id % ID_COUNT === 0;
}

/** The value of an overlay's `lowerdir` as it would show for these layers. MASK: see `maskOf`. */
export function lowerdirOf(lower: string, mask: string | null, first: number | undefined): string {
  const tree = first ? `${FOLDER}/${first}/tree${lower === '/' ? '' : lower}` : lower;
  if (mask === null) return tree;
  return `${first ? `${FOLDER}/${first}/hide${mask.slice(MASKS.length)}` : mask}:${tree}`;
}

interface SeenLayers {
  readonly mask: string | null;
  readonly lower: string;
  /** Of its ids; 0: it has none of its own. */
  readonly first: number;
}

/** The value of an overlay's `lowerdir`, which names the layers from the upmost on. */
export function layersOf(lowerdir: string): SeenLayers {
  const [start = '', first = '0'] = MAPPED.exec(lowerdir) ?? [];
  const [mask, lower] = splitMask(lowerdir, start ? `${start}/hide` : MASKS);
  if (start === '') return { mask, lower, first: 0 };
  return {
    mask: mask && `${MASKS}${mask.slice(`${start}/hide`.length)}`,
    lower: lower.slice(`${start}/tree`.length) || '/',
    first: Number(first),
  };
}

const MAPPED = new RegExp(`^${FOLDER}/(\\d+)(?=/)`);

function splitMask(lowerdir: string, folder: string): [mask: string | null, lower: string] {
  const end = lowerdir.startsWith(`${folder}/`) ? lowerdir.indexOf(':') : -1;
  return end < 0 ? [null, lowerdir] : [lowerdir.slice(0, end), lowerdir.slice(end + 1)];
}

/** The first id in a /proc/PID/uid_map as ob makes it, user_namespaces(7); 1: it is another. */
export function parseIdMap(text: string): number {
  const [, first, count] = /^\s*0\s+(\d+)\s+(\d+)\n$/.exec(text) ?? [];
  return Number(count) === ID_COUNT && isFirstId(Number(first)) ? Number(first) : 1;
}
