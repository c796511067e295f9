import type { MapNode, ScalarNode } from '../hosts/node.ts';
import { quote } from '../hosts/show.ts';
import { plain, splitWords, type Word } from './lines.ts';

type Diskfile =
  | { readonly node: MapNode; readonly mountPoint: string; readonly problem?: undefined }
  | { readonly problem: string; readonly node?: undefined; readonly mountPoint?: undefined };

/**
 * `!overlay-diskfile MOUNT[/PATH] IMAGE [PARTITION]` as the key of hosts.yaml that says it; undefined: it is another command,
 * or names no image. For anybody but overlay-boot the program mounts nothing, it only prints the path.
 */
export function toDiskfile(value: Word): Diskfile | undefined {
  const [program, where, image, partition, ...more] = splitWords(value);
  if (!program || !/^!(.*\/)?overlay-diskfile$/.test(program.text) || !where || !image || more.length > 0) return undefined;
  const [mountPoint = '', path, ...deeper] = plain(where.text).split('/');
  const number = partition && Number(plain(partition.text));
  if (mountPoint === '' || deeper.length > 0 || (partition && !Number.isInteger(number))) {
    // Of 1.6.4, the manual page says that it mounts on the first folder; the program mounts on all but the last.
    const key = `{ diskfile: { image: ${plain(image.text)}${partition ? `, partition: ${plain(partition.text)}` : ''}, path: … } }`;
    return { problem: `which part of ${quote(plain(where.text))} the image is mounted on cannot be told: say it in hosts.yaml, ${key}` };
  }
  const entry = (key: string, { line, column }: Word, text: string | number) => {
    const scalar: ScalarNode = { kind: 'scalar', line, column, value: text, source: String(text) };
    return { key: { line, column, text: key }, value: scalar };
  };
  const spot = { line: value.line, column: value.column };
  const entries = [
    entry('image', image, plain(image.text)),
    ...(partition && number !== undefined ? [entry('partition', partition, number)] : []),
    ...(path === undefined ? [] : [entry('path', where, path === '' ? '/' : path)]),
  ];
  const inner: MapNode = { kind: 'map', ...spot, entries };
  return { node: { kind: 'map', ...spot, entries: [{ key: { ...spot, text: 'diskfile' }, value: inner }] }, mountPoint };
}
