import { readFileSync } from 'node:fs';
import { readIfThere } from './proc.ts';

/** Is this filesystem there, or a module of the kernel's that it loads when it is asked for it, as modprobe would? */
export function hasFilesystem(name: string): boolean {
  const isLoaded = readFileSync('/proc/filesystems', 'utf8')
    .split('\n')
    .some((line) => line.endsWith(`\t${name}`));
  return isLoaded || hasModule(name);
}

/** Is a module of this name there, loaded, built in, or to be loaded? */
export function hasModule(name: string): boolean {
  const release = readFileSync('/proc/sys/kernel/osrelease', 'utf8').trim();
  const lists = ['modules.dep', 'modules.builtin'].map((list) => readIfThere(`/lib/modules/${release}/${list}`) ?? '');
  const isListed = lists.some((list) => list.split('\n').some((line) => RegExp(`(^|/)${name}\\.ko(\\W|$)`).test(line)));
  return isListed || readIfThere(`/sys/module/${name}/initstate`) !== undefined;
}
