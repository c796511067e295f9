import { byKind, described, map, object, type Placed, placed, type Shape, text } from './shape.ts';
import { path, wholeNumber, wrongPath } from './values.ts';

/** The layer of a subhost on a filesystem in a file. */
export interface RawDiskfile {
  readonly image: Placed<string>;
  readonly partition?: Placed<number>;
  /** Without a "/" at its begin and end; `''`: its root. */
  readonly path?: Placed<string>;
}

/** A directory of the machine's, or one in an image. */
export type Layer = string | RawDiskfile;

/** GPT has no more unless somebody has asked for more. */
const MAX_PARTITION = 128;

/** What is meant from the root of a filesystem may begin with a "/", or not. */
const inner: Shape<Placed<string>> = placed(
  map(text('a path', wrongInner, { pattern: '^[^~$,:\\\\\\x00-\\x1f\\x7f][^,:\\\\\\x00-\\x1f\\x7f]*$' }), (value) =>
    value.replace(/^\/+|\/+$/g, ''),
  ),
);

const keys = object<Omit<RawDiskfile, 'image'> & { readonly image?: Placed<string> }>(
  {
    image: described(path, {
      title: 'Image',
      description: 'A file that holds ext4 or squashfs, or partitions that do; relative to base.',
      examples: ['disk.img'],
    }),
    partition: described(placed(wholeNumber(1, MAX_PARTITION)), {
      title: 'Partition of it',
      description: 'Its number in the partition table (GPT or MBR). Without it the whole image is the filesystem.',
      examples: [2],
    }),
    path: described(inner, {
      title: 'Directory of it',
      description: 'From the root of the filesystem; that itself, if left out. Of "upper" it is "root", and made if missing.',
      examples: ['root', 'trees/bookworm'],
    }),
  },
  ['image'],
);

const diskfile = object<{ readonly diskfile?: Partial<RawDiskfile> }>(
  {
    diskfile: described(keys, {
      title: 'A filesystem in a file',
      description: 'Mounted through a loop device as long as the subhost is there.',
      examples: [{ image: 'disk.img', partition: 2, path: 'root' }],
    }),
  },
  ['diskfile'],
);

/** Undefined without an image: that has been reported. */
const layerInImage: Shape<RawDiskfile> = {
  schema: diskfile.schema,
  read(node, report) {
    const { image, ...rest } = diskfile.read(node, report)?.diskfile ?? {};
    return image && { image, ...rest };
  },
};

/** A path, or `{ diskfile: … }`. */
export const layer: Shape<Placed<Layer>> = byKind<Placed<Layer>>({ scalar: path, map: placed(layerInImage) });

function wrongInner(value: string): string | undefined {
  const parts = value.split('/');
  return parts.includes('..') || parts.includes('.') ? 'it has "." or ".." in it' : wrongPath(value);
}
