import { readdirSync } from 'node:fs';
import { listCgroups, readNames, readText, type Source } from './snapshot.ts';

// What outlives the namespaces of a test machine, and so could be left on the one that the tests run on.

/** Groups of every tree of cgroup v1 that is mounted here, as `cgroup TREE/NAME: PID…`. */
export function listOldCgroups(): string[] {
  const mounts = readText('/proc/self/mounts').split('\n');
  const trees = mounts.map((line) => line.split(' ')).flatMap(([, root = '', type]) => (type === 'cgroup' ? [root] : []));
  return trees.flatMap((root) => listCgroups(root).map((line) => line.replace('cgroup ', `cgroup ${root}`)));
}

/**
 * What is in the keyrings of users, and all keys that are no keyrings. Session keyrings go with the processes that have them,
 * whosever these are, and an empty keyring of a user's is as good as none: the kernel makes it for whoever asks, and keeps it.
 * See keyrings(7), proc_keys(5): ID FLAGS USES TIMEOUT PERMISSIONS UID GID TYPE DESCRIPTION
 */
export function listKeys(): string[] {
  const keys = readText('/proc/keys').split('\n').filter(Boolean);
  return keys.flatMap((line) => {
    const [, , , , permissions, uid, gid, type, ...description] = line.trim().split(/\s+/);
    const what = description.join(' ');
    const isOther = type === 'keyring' && (!what.startsWith('_uid.') || what.endsWith(': empty'));
    return isOther ? [] : [`key ${type} ${what} of ${uid}:${gid}, ${permissions}`];
  });
}

/**
 * Loop devices that are attached to a file of this machine's, or to one on a filesystem that is mounted nowhere any more, as
 * that of a machine which has ended: what others that still run have attached is their business.
 */
export async function listLoops(source: Source): Promise<string[]> {
  if (!readNames('/sys/block').some((name) => readNames(`/sys/block/${name}/loop`).length > 0)) return [];
  const ran = await source.run('losetup', ['--noheadings', '--list', '-O', 'NAME,BACK-MAJ:MIN,BACK-FILE'], { input: '' });
  if (ran.code !== 0) throw new Error(`losetup failed: ${ran.stderr}`);
  const [own, all] = [devicesOf(['self']), devicesOf(readdirSync('/proc').filter((name) => /^\d+$/.test(name)))];
  const lines = ran.stdout.split('\n').filter(Boolean);
  return lines
    .map((line) => line.trim().split(/\s+/))
    .flatMap((words) => {
      const device = words[1] ?? '';
      if (own.has(device)) return [`loop device ${words.join(' ')}`];
      return all.has(device) ? [] : [`loop device of an ended machine ${words.join(' ')}`];
    });
}

/** Others may just have been ending with that: what is no longer there is well. `differences` says so. */
export function isWell(difference: string): boolean {
  return /^- (key|loop device of an ended machine) /.test(difference);
}

/** MAJOR:MINOR of all filesystems that these processes have mounted. */
function devicesOf(pids: readonly string[]): Set<string> {
  return new Set(
    pids.flatMap((pid) =>
      readText(`/proc/${pid}/mountinfo`)
        .split('\n')
        .map((line) => line.split(' ')[2] ?? ''),
    ),
  );
}
