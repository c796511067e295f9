import { nearest } from '../planner/hosts/shape.ts';
import { ExitCode, ObError } from '../resources/error.ts';
import type { Owner } from '../resources/marks.ts';

/** The one scope in which all these subhosts are, running or not; an error that names the first that is nowhere or in two. */
export function scopeOf(names: readonly string[], owners: readonly Owner[], scope?: string): string {
  const found = new Set(names.map((name) => scopeOfOne(name, owners, scope)));
  const [only = '', ...more] = found;
  if (more.length === 0) return only;
  throw new ObError(`these subhosts are in different scopes: ${[...found].join(', ')}`, {
    hint: 'one command for each scope',
    exitCode: ExitCode.usage,
  });
}

function scopeOfOne(name: string, owners: readonly Owner[], scope: string | undefined): string {
  const own = owners.filter((owner) => scope === undefined || owner.scope === scope);
  const [first, second] = own.filter((owner) => owner.name === name);
  if (first && !second) return first.scope;
  if (first && second)
    throw new ObError(`${name} is in the scopes ${first.scope} and ${second.scope}`, {
      hint: `--scope ${first.scope}`,
      exitCode: ExitCode.usage,
    });
  throw notThere(
    name,
    own.map((owner) => owner.name),
  );
}

/** A name that nothing knows, with the nearest of those that are known. */
export function notThere(name: string, known: Iterable<string>): ObError {
  const names = [...new Set(known)].sort();
  return new ObError(`nothing of a subhost "${name}" is there${names.length > 0 ? nearest(name, names) : ''}`, {
    exitCode: ExitCode.usage,
  });
}
