/** Link group of every link that `ob` makes: 0x6f62, "ob". The kernel sets it in the call that makes the link. */
export const LINK_GROUP = 28514;

/** What an object belongs to. */
export interface Owner {
  readonly scope: string;
  /** The subhost's name; a shared object's own name. */
  readonly name: string;
}

/** `ob:SCOPE/NAME`: alias of links, source of mounts, first argument of a subhost's PID 1. */
export function markOf(owner: Owner): string {
  return `ob:${owner.scope}/${owner.name}`;
}

/** The owner that a text names, or undefined if it is no mark of ours. */
export function parseMark(text: string | undefined): Owner | undefined {
  const match = /^ob:([a-z][a-z0-9-]*)\/([A-Za-z0-9._-]+)$/.exec(text ?? '');
  return match?.[1] && match[2] ? { scope: match[1], name: match[2] } : undefined;
}
