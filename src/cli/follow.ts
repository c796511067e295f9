import { setTimeout as sleep } from 'node:timers/promises';
import { readLogFrom } from '../resources/log.ts';

const LOOK_AGAIN_MS = 300;

/** A kept log with the part before it, piece by piece; FOLLOW: also what is added from then on, without end. */
export async function* readKept(path: string, follow: boolean): AsyncGenerator<Buffer> {
  const before = readLogFrom(`${path}.1`, 0);
  let now = readLogFrom(path, 0);
  if (before) yield before.text;
  if (now) yield now.text;
  while (follow) {
    await sleep(LOOK_AGAIN_MS);
    const next = readLogFrom(path, now?.size ?? 0);
    if (!next) continue;
    const isNew = now !== undefined && now.inode !== next.inode;
    if (now && isNew) yield lastOf(path, now);
    const whole = isNew ? (readLogFrom(path, 0) ?? next) : next;
    yield whole.text;
    now = whole;
  }
}

/** What was added to a log between the last look and its renaming. */
function lastOf(path: string, { inode, size }: { readonly inode: number; readonly size: number }): Buffer {
  const old = readLogFrom(`${path}.1`, size);
  return old?.inode === inode ? old.text : Buffer.alloc(0);
}
