import { createHash } from 'node:crypto';
import type { Subhost } from './hosts.ts';
import { onceFor } from './once.ts';

/**
 * What of the machine's own tree a subhost does not see, unless it says otherwise: where Debian's packages keep what only
 * root may read. `*` stands for any text in one name; what ends with `/` is a folder that is seen empty.
 */
const HIDDEN: readonly string[] = [
  '/etc/.pwd.lock',
  '/etc/NetworkManager/system-connections/',
  '/etc/gshadow*',
  '/etc/krb5.keytab',
  '/etc/letsencrypt/',
  '/etc/ob',
  '/etc/ppp/*-secrets',
  '/etc/security/opasswd',
  '/etc/shadow*',
  '/etc/ssh/ssh_host_*',
  '/etc/ssl/private/',
  '/etc/wireguard/',
  '/root/',
  '/var/backups/*shadow*',
  '/var/cache/debconf/passwords.dat',
  '/var/lib/ob',
  '/var/log/ob',
];

/** Where the layers are that hide it: a filesystem of its own, since no layer may be inside another one. */
export const MASKS = '/run/ob/hide';

/** Raised whenever a layer is made differently. */
const RECIPE = 1;

/** Layers of this name hide the folders of all subhosts too. */
const MACHINE = 'machine.';

/** All that a subhost is not to see of its lower layer. */
export function hiddenFrom({ hide = [], lower }: Pick<Subhost, 'hide' | 'lower'>): readonly string[] {
  if (hide === 'none') return [];
  if (hide.length === 0) return lower === '/' ? HIDDEN : [];
  return [...new Set([...(lower === '/' ? HIDDEN : []), ...hide])].sort();
}

/** What the file wants to be run inside is seen, wherever it lies: programs of the start list in what is hidden. */
export function shownTo(subhost: Pick<Subhost, 'hide' | 'lower' | 'base' | 'start'>): readonly string[] {
  const folders = [...hiddenFrom(subhost).map((path) => path.replace(/\/$/, '')), ...(subhost.lower === '/' ? [subhost.base] : [])];
  const isHidden = (path: string): boolean => folders.some((folder) => path.startsWith(`${folder}/`));
  return subhost.start.flatMap(({ name }) => (isHidden(name) ? [name] : [])).sort();
}

type Hider = Pick<Subhost, 'hide' | 'lower' | 'upper' | 'live' | 'base' | 'start'>;

/** Of subhosts that have been asked for: each is several times. */
const masks = new WeakMap<Hider, string | null>();

/** The layer that hides what a subhost is not to see; subhosts that are not to see the same have the same. Null: none. */
export function maskOf(subhost: Hider): string | null {
  const known = masks.get(subhost);
  if (known !== undefined) return known;
  const mask = findMask(subhost);
  masks.set(subhost, mask);
  return mask;
}

function findMask(subhost: Hider): string | null {
  const { lower, upper, live } = subhost;
  const hidden = hiddenFrom(subhost);
  if (hidden.length === 0 || lower === upper || lower === live) return null;
  return `${MASKS}/${lower === '/' ? MACHINE : 'tree.'}${digestOf(JSON.stringify([RECIPE, lower, hidden, shownTo(subhost)]))}`;
}

/** Nearly all subhosts have the same. */
const digestOf = onceFor((recipe: string) => createHash('sha256').update(recipe).digest('hex').slice(0, 12));

export function hidesSubhosts(mask: string): boolean {
  return mask.startsWith(`${MASKS}/${MACHINE}`);
}
