import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import type { Range } from '../hosts.ts';

/** Gives as many bytes of a file as it has there. */
export type Read = (offset: number, length: number) => Buffer;

/** What is in a file with a filesystem. */
export type Image = { readonly range: Range; readonly type: string; readonly problem?: undefined } | { readonly problem: Problem };

interface Problem {
  /** What in the hosts file is wrong: the file that is meant, or the partition of it. */
  readonly of: 'image' | 'partition';
  readonly words: string;
}

/** Looks at a file, or at a partition of it. Undefined: we may not. */
export function readImage(path: string, partition: number | null): Image | undefined {
  const wrong = (words: string): Image => ({ problem: { of: 'image', words } });
  let fd: number;
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EACCES' || code === 'EPERM') return undefined;
    return wrong(code === 'ENOENT' ? 'there is no such file' : `it cannot be read (${code})`);
  }
  try {
    const stat = fstatSync(fd);
    if (!stat.isFile()) return wrong('it is no regular file');
    const read: Read = (offset, length) => {
      const bytes = Buffer.alloc(length);
      // A table may say anything.
      if (!Number.isSafeInteger(offset)) return bytes.subarray(0, 0);
      return bytes.subarray(0, readSync(fd, bytes, 0, length, offset));
    };
    return findFilesystem(read, stat.size, partition);
  } finally {
    closeSync(fd);
  }
}

/** The filesystem of a whole file of SIZE bytes, or of a partition of it. Pure but for READ. */
export function findFilesystem(read: Read, size: number, partition: number | null): Image {
  const partitions = listPartitions(read);
  const wrong = (words: string): Image => ({ problem: { of: partition === null ? 'image' : 'partition', words } });
  const range = partition === null ? { offset: 0, size: 0 } : partitions?.get(partition);
  const known = partitions && partitions.size > 0 ? `it has ${[...partitions.keys()].join(', ')}` : 'it has none';
  if (!range) return wrong(`there is no partition ${partition}: ${known}`);
  const isInside = range.size >= 0 && range.offset + range.size <= size;
  if (!isInside) return wrong(`partition ${partition} is not all inside the image`);
  const type = typeOf(read, range.offset);
  if (type) return { range, type };
  const hint = partition === null && partitions && partitions.size > 0 ? `; say which partition is meant: ${known}` : '';
  return wrong(`no filesystem that ob knows is there (${Object.keys(MAGICS).join(', ')})${hint}`);
}

/** Where a filesystem says what it is. The driver of ext4 takes its forerunners too. */
const MAGICS: Readonly<Record<string, { readonly at: number; readonly bytes: Buffer }>> = {
  ext4: { at: 1024 + 56, bytes: Buffer.from([0x53, 0xef]) },
  squashfs: { at: 0, bytes: Buffer.from('hsqs') },
};

/** Filesystems that cannot be written. */
export const READ_ONLY_TYPES: readonly string[] = ['squashfs'];

function typeOf(read: Read, offset: number): string | undefined {
  return Object.keys(MAGICS).find((type) => {
    const { at, bytes } = MAGICS[type] as (typeof MAGICS)[string];
    return read(offset + at, bytes.length).equals(bytes);
  });
}

const SECTOR = 512;

/** Partitions by the numbers that the kernel gives them; undefined: there is no table. */
function listPartitions(read: Read): Map<number, Range> | undefined {
  const first = read(0, SECTOR);
  if (!hasSignature(first)) return undefined;
  const header = read(SECTOR, SECTOR);
  return header.toString('latin1', 0, 8) === 'EFI PART' ? listGpt(read, header) : listMbr(read, first);
}

function hasSignature(sector: Buffer): boolean {
  return sector.length === SECTOR && sector.readUInt16LE(510) === 0xaa55;
}

/** UEFI specification, 5.3; there are 128 entries where nobody has asked for more. */
function listGpt(read: Read, header: Buffer): Map<number, Range> {
  const [start, count, length] = [Number(header.readBigUInt64LE(72)), header.readUInt32LE(80), header.readUInt32LE(84)];
  const found = new Map<number, Range>();
  for (let number = 1; number <= Math.min(count, 1024); number++) {
    const entry = read(start * SECTOR + (number - 1) * length, 48);
    if (entry.length < 48) break;
    if (entry.subarray(0, 16).every((byte) => byte === 0)) continue;
    const [from, to] = [Number(entry.readBigUInt64LE(32)), Number(entry.readBigUInt64LE(40))];
    found.set(number, toRange(from, to - from + 1));
  }
  return found;
}

const EXTENDED: readonly number[] = [0x05, 0x0f, 0x85];
const FIRST_LOGICAL = 5;
const MAX_LOGICAL = 64;

function listMbr(read: Read, first: Buffer): Map<number, Range> {
  const found = new Map<number, Range>();
  for (const [index, { type, start, count }] of entriesOf(first).entries()) {
    if (EXTENDED.includes(type)) for (const [number, range] of logicalsOf(read, start).entries()) found.set(FIRST_LOGICAL + number, range);
    else if (count > 0) found.set(index + 1, toRange(start, count));
  }
  return new Map([...found].sort(([one], [other]) => one - other));
}

/** Each logical partition has a table of its own, which names it, and where the next table is: from BASE on. */
function logicalsOf(read: Read, base: number): Range[] {
  const found: Range[] = [];
  let at = base;
  for (let tables = 0; tables < MAX_LOGICAL; tables++) {
    const table = read(at * SECTOR, SECTOR);
    if (!hasSignature(table)) break;
    const [own, next] = entriesOf(table);
    if (own && own.count > 0) found.push(toRange(at + own.start, own.count));
    if (!next || next.count === 0) break;
    at = base + next.start;
  }
  return found;
}

function entriesOf(table: Buffer): { type: number; start: number; count: number }[] {
  return [0, 1, 2, 3].map((index) => {
    const at = 446 + index * 16;
    return { type: table.readUInt8(at + 4), start: table.readUInt32LE(at + 8), count: table.readUInt32LE(at + 12) };
  });
}

function toRange(start: number, count: number): Range {
  return { offset: start * SECTOR, size: count * SECTOR };
}
