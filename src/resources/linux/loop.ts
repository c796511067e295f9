import type { Range } from '../hosts.ts';
import { readIfThere } from './proc.ts';

/** A loop device that is attached to a file. */
export interface Loop {
  readonly image: string;
  readonly range: Range;
}

/** SOURCE: the source of a mount. Undefined: it is no loop device, or is attached to nothing. */
export function readLoop(source: string): Loop | undefined {
  const read = (what: string): string => readOf(source, `loop/${what}`);
  const image = read('backing_file');
  return image === '' ? undefined : { image, range: { offset: Number(read('offset')), size: Number(read('sizelimit')) } };
}

/**
 * Tells one attachment of a device from the next: another mount namespace may attach a file of the same name to it at once.
 * Undefined: it is attached to nothing. Before Linux 5.15 devices were not numbered anew.
 */
export function readAttachment(source: string): string | undefined {
  const image = readLoop(source)?.image;
  return image === undefined ? undefined : `${image} ${readOf(source, 'diskseq')}`;
}

function readOf(source: string, what: string): string {
  const name = /^\/dev\/(loop\d+)$/.exec(source)?.[1];
  return (name && readIfThere(`/sys/block/${name}/${what}`)?.replace(/\n$/, '')) ?? '';
}
