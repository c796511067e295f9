import { execFileSync, spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const FETCH = fileURLToPath(new URL('../../scripts/fetch-packages', import.meta.url));
const CACHE = fileURLToPath(new URL('../../node_modules/.cache/ob', import.meta.url));

/** Files of Debian packages. */
export interface Fetched {
  readonly files: readonly string[];
}

/** These packages with all that they need and this machine lacks, or why they cannot be had. Nothing is installed. */
export function fetchPackages(name: string, wanted: readonly string[]): Fetched | { readonly lacking: string } {
  const folder = `${CACHE}/${name}`;
  const { status, stderr, error } = spawnSync(FETCH, [folder, ...wanted], { encoding: 'utf8', timeout: 200_000 });
  if (status !== 0) return { lacking: `cannot fetch ${wanted.join(' ')}: ${error?.message ?? stderr.trim()}` };
  const names = readdirSync(`${folder}/archives`).filter((one) => one.endsWith('.deb'));
  return { files: names.map((one) => `${folder}/archives/${one}`) };
}

/** The files of one package, unpacked into a folder. */
export function unpack(file: string, folder: string): void {
  execFileSync('dpkg-deb', ['-x', file, folder]);
}
