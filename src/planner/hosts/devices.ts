import { posix } from 'node:path';
import { type Placed, placed, type Shape, text } from './shape.ts';

/** What every subhost has there of its own. */
const OWN = /^\/dev\/(?:null|zero|full|u?random|tty|ptmx|fd|std(?:in|out|err)|(?:pts|shm)(?:\/.*)?)$/;

function wrongDevice(value: string): string | undefined {
  if (!/^\/dev\/[A-Za-z0-9._:/-]+$/.test(value)) return 'write it like /dev/net/tun';
  if (posix.normalize(value) !== value || value.endsWith('/')) return 'it has ".", ".." or "/" too many in it';
  return OWN.test(value) ? 'every subhost has one of its own' : undefined;
}

/** A device of the machine's. */
export const device: Shape<Placed<string>> = placed(text('a device', wrongDevice, { pattern: '^/dev/[A-Za-z0-9._:/-]*[A-Za-z0-9._:-]$' }));
