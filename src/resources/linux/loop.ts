import type { Range } from '../hosts.ts';
import { readIfThere } from './proc.ts';

/** A loop device that is attached to a file. */
export interface Loop {
  readonly image: string;
  readonly range: Range;
}

/** SOURCE: the source of a mount. Undefined: it is no loop device, or is attached to nothing. */
export function readLoop(source: string): Loop | undefined {
  const name = /^\/dev\/(loop\d+)$/.exec(source)?.[1];
  const read = (what: string): string => readIfThere(`/sys/block/${name}/loop/${what}`)?.replace(/\n$/, '') ?? '';
  const image = name ? read('backing_file') : '';
  return image === '' ? undefined : { image, range: { offset: Number(read('offset')), size: Number(read('sizelimit')) } };
}
