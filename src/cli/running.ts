import { nearest } from '../planner/hosts/shape.ts';
import { findAdopted } from '../resources/adopted.ts';
import type { Running } from '../resources/enter.ts';
import { ExitCode, ObError } from '../resources/error.ts';
import type { Look } from '../resources/machine.ts';

/** Every subhost that runs, of all scopes or of one, by name. */
function listRunning(look: Look, scope?: string): Running[] {
  return look
    .cgroups()
    .filter((owner) => scope === undefined || owner.scope === scope)
    .flatMap((owner) => {
      const init = look.init(owner);
      return init ? [{ owner, init }] : [];
    })
    .sort((a, b) => a.owner.name.localeCompare(b.owner.name) || a.owner.scope.localeCompare(b.owner.scope));
}

/** The one subhost of this name that runs; an error if there is none, or more than one. */
export function findRunning(look: Look, name: string, scope?: string): Running {
  const all = listRunning(look, scope);
  const [only, ...more] = all.filter(({ owner }) => owner.name === name);
  if (!only) {
    if (look.cgroups().some((owner) => owner.name === name && findAdopted(look, owner)))
      throw new ObError(`overlay-boot has started ${name}: until it is started anew only its own programs can enter it`, {
        hint: `ob restart ${name}; or overlay-go ${name}`,
      });
    const names = [...new Set(all.map(({ owner }) => owner.name))];
    const hint = names.length > 0 ? nearest(name, names) : '; none is running here';
    throw new ObError(`no subhost "${name}" is running${hint}`, { hint: 'ob status; ob apply starts what has stopped' });
  }
  if (more.length === 0) return only;
  const scopes = [only, ...more].map(({ owner }) => owner.scope);
  throw new ObError(`${name} is running in the scopes ${scopes.join(', ')}`, { hint: `--scope ${scopes[0]}`, exitCode: ExitCode.usage });
}
