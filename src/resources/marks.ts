/** Link group of every link that `ob` makes: 0x6f62, "ob". The kernel sets it in the call that makes the link. */
export const LINK_GROUP = 28514;

/** What an object belongs to. */
export interface Owner {
  readonly scope: string;
  /** The subhost's name; a shared object's own name. */
  readonly name: string;
}

/** `ob:SCOPE/NAME`: alias of links, source of mounts (of some with more behind it), first argument of a subhost's PID 1. */
export function markOf(owner: Owner): string {
  return `ob:${owner.scope}/${owner.name}`;
}

/** Mark of what lies beneath a root whose upper directory a program sets up: it tells which one. */
export function setupMarkOf(owner: Owner, program: string): string {
  return `${markOf(owner)}:${program}`;
}

/** Mark of an overlay root: it tells what the tree below it was when it was mounted, see linux/lower-tree.ts. */
export function rootMarkOf(mark: string, stamp: string): string {
  return `${mark}@${stamp}`;
}

/** Is it this mark, whatever it tells beside? */
export function isRootMark(text: string, mark: string): boolean {
  return text === mark || text.startsWith(`${mark}@`);
}

/** What such a mark tells of the tree below; undefined: nothing is known of that. */
export function stampOfMark(text: string): string | undefined {
  return MARK.exec(text)?.[4];
}

/** The program in such a mark; null: it is another. */
export function setupOfMark(text: string): string | null {
  return MARK.exec(text)?.[3] ?? null;
}

/** Mark of what lies beneath a filesystem with a layer of a subhost's: no root has one like it. */
export function diskMarkOf(owner: Owner, role: string): string {
  return `${markOf(owner)}#${role}`;
}

/** Whose disk has this mark, and for which layer; undefined if it is none. */
export function parseDiskMark(text: string | undefined): (Owner & { readonly role: string }) | undefined {
  const [mark, role, ...rest] = (text ?? '').split('#');
  const owner = role && rest.length === 0 ? parseMark(mark) : undefined;
  return owner && role ? { ...owner, role } : undefined;
}

const MARK = /^ob:([a-z][a-z0-9-]*)\/([A-Za-z0-9._-]+)(?::(\/.*)|@([0-9a-f]{8}-[0-9a-f]{8}))?$/;

/** The owner that a text names, or undefined if it is no mark of ours. */
export function parseMark(text: string | undefined): Owner | undefined {
  const match = MARK.exec(text ?? '');
  return match?.[1] && match[2] ? { scope: match[1], name: match[2] } : undefined;
}

/** The name of what this scope has, else nothing: for `flatMap`. */
export function ownName(owner: Owner | undefined, scope: string): string[] {
  return owner?.scope === scope ? [owner.name] : [];
}
