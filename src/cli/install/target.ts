import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ExitCode, ObError } from '../../resources/error.ts';
import { findUntrusted } from '../../resources/trust.ts';
import type { Args } from '../command.ts';
import { findHostsFiles, readNames } from '../session.ts';
import type { Job } from './boot-files.ts';
import { type Installed, nameOf, type Purpose } from './own-file.ts';
import { refuseControls } from './quote.ts';

/** What is to be installed, of a file that has been read and found good. */
export async function readJob({ files, scope }: Args): Promise<Job> {
  if (scope !== undefined)
    throw new ObError('install takes the scope from the hosts file', { hint: 'name the file: --file FILE', exitCode: ExitCode.usage });
  const hostsFiles = toAbsolute(findHostsFiles(files));
  const read = await readNames(hostsFiles);
  const program = fileURLToPath(new URL('ob', import.meta.url));
  const job = { scope: read.scope, hostsFiles, node: process.execPath, program };
  for (const path of [...hostsFiles, job.node, program]) refuseControls(path);
  warn(job);
  return job;
}

function warn({ hostsFiles, node, program }: Job): void {
  const untrusted = findUntrusted([...hostsFiles, node, program]);
  if (untrusted) process.stderr.write(`ob: warning: root will run this by itself, and others than root can change ${untrusted}\n`);
  if (program.includes('/_npx/')) process.stderr.write(`ob: warning: npx may delete ${program} at any time: install ob to stay\n`);
}

/** What was installed for the file or the scope that is meant; if nothing says which, the only one there is. */
export async function findInstalled({ files, scope }: Args, purpose: Purpose, all: readonly Installed[]): Promise<Installed[]> {
  if (scope !== undefined) return all.filter((one) => one.scope === scope);
  const paths = files.length > 0 ? files : findDefault();
  if (paths.length > 0) {
    const byName = all.filter((one) => one.hostsFile === nameOf(toAbsolute(paths)));
    return byName.length > 0 ? byName : withScopeOf(paths, all);
  }
  const scopes = [...new Set(all.map((one) => one.scope))];
  if (scopes.length < 2) return [...all];
  throw new ObError(`which one? ${purpose} is installed for the scopes ${scopes.join(', ')}`, {
    hint: `ob ${purpose} remove --scope ${scopes[0]}`,
    exitCode: ExitCode.usage,
  });
}

function toAbsolute(paths: readonly string[]): string[] {
  return paths.map((path) => resolve(path));
}

function findDefault(): readonly string[] {
  try {
    return findHostsFiles([]);
  } catch (error) {
    if (error instanceof ObError) return [];
    throw error;
  }
}

/** A file that has moved is known by its scope, if it can be read. */
async function withScopeOf(paths: readonly string[], all: readonly Installed[]): Promise<Installed[]> {
  try {
    const { scope } = await readNames(paths);
    return all.filter((one) => one.scope === scope);
  } catch (error) {
    if (error instanceof ObError) return [];
    throw error;
  }
}
