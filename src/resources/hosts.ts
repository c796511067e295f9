import type { Confinement } from './confinement.ts';

/**
 * What a hosts file says once it has been read and checked: every default filled in, every path absolute,
 * every name checked. Kinds make their specs from it; nothing here knows where it was written.
 */
export interface HostsFile {
  /** Two files with different scopes on one machine never see each other's subhosts. */
  readonly scope: string;
  readonly bridges: readonly Bridge[];
  readonly subhosts: readonly Subhost[];
  /** Full paths of the files that say so. */
  readonly files?: readonly string[];
}

export interface Bridge {
  readonly name: string;
  /** CIDR, as `ip address` prints it. */
  readonly address: readonly string[];
}

export interface Subhost {
  readonly name: string;
  readonly base: string;
  readonly lower: string;
  readonly upper: string;
  readonly work: string;
  readonly live: string;
  /** What of lower it does not see beside the usual, see HIDDEN; sorted. `none`: it sees all. */
  readonly hide?: readonly string[] | 'none';
  /** Images on whose filesystems layers are; left out: none. */
  readonly disks?: readonly Disk[];
  readonly cables: readonly Cable[];
  readonly start: readonly StartEntry[];
  readonly shares: readonly Share[];
  /** Where what its starts say is kept; left out: at the usual place. */
  readonly log?: string;
  /** Size in bytes of the tmpfs on /run; null: no mount. */
  readonly ramSize: number | null;
  /** Paths of devices of the machine's that it has too, sorted; left out: none. */
  readonly devices?: readonly string[];
  /** Left out where the file says none. */
  readonly limits?: Limits;
  /** Left out where the machine runs no command for it. */
  readonly hooks?: Hooks;
  /** What becomes of it once it has ended by itself; left out: it is started again. */
  readonly restart?: 'on-failure' | 'never';
  /** Are its services asked whether they run? */
  readonly checkServices?: true;
  /** What becomes of it when the tree below has changed; left out: that is told. */
  readonly onLowerChange?: 'restart';
  /** Left out: the default one. */
  readonly confinement?: Confinement;
  /** First of the ids that are its own, see ids.ts; left out: its root is the machine's. */
  readonly userns?: number;
  /** Nothing of /proc and /sys is masked, and its root has devices: as under overlay-boot. */
  readonly trusted?: true;
}

/** What all that runs in it may use together. What is left out is not limited, but for `pids`. */
export interface Limits {
  /** Processes and threads; null: any number. Left out: the default, where the machine can limit them. */
  readonly pids?: number | null;
  /** Bytes, whole pages. */
  readonly memory?: number;
  /** Of one core's time: 1.5 is one and a half. */
  readonly cpu?: number;
  /** By device, each once. */
  readonly io?: readonly IoLimit[];
}

/** Bytes in a second from and to one device. */
export interface IoLimit {
  /** MAJOR:MINOR of a disk. */
  readonly device: string;
  readonly read?: number;
  readonly write?: number;
}

/** Where they are mounted: SCOPE/NAME.ROLE. */
export const DISKS = '/run/ob/disk';

/** A filesystem in a file, with the layers of a subhost on it. */
export interface Disk {
  /** The layer that it is for. On a disk for `upper` is also `work`, and `lower` where that is upper. */
  readonly role: 'lower' | 'upper';
  readonly image: string;
  /** Null: the whole image. */
  readonly partition: number | null;
  readonly range: Range;
  readonly type: string;
  /** Where it is mounted. */
  readonly point: string;
  /** The directories of it that are layers, from its root; '' is the root itself. */
  readonly folders: readonly string[];
}

/** Addresses of its disks. */
export function disksOf({ name, disks = [] }: Subhost): `disk/${string}`[] {
  return disks.map(({ role }) => `disk/${name}.${role}` as const);
}

/** Bytes of a file. Both 0: all of it. */
export interface Range {
  readonly offset: number;
  readonly size: number;
}

/** Commands that the machine runs when a subhost starts; each a program and its arguments. */
interface Hooks {
  /** The file that they are from. */
  readonly config: string;
  /** `upper` is this program, which makes the upper directory and takes it away. */
  readonly setup?: string;
  readonly premount?: readonly string[];
  readonly postmount?: readonly string[];
  /** What it prints is run inside as the one start entry. */
  readonly init?: readonly string[];
}

/** Where a subhost has the script that such a command printed. */
export const INIT_SCRIPT = '/.ob-init';

export interface Cable {
  /** Left out: a cable of its own. Else tagged traffic (802.1Q) over another one. */
  readonly vlan?: Vlan;
  /** Name of the machine's end. */
  readonly hostEnd: string;
  /** Name of the subhost's end. */
  readonly inside: string;
  readonly bridge: string | null;
  /** Is the bridge one of this file's, or the administrator's? */
  readonly ownBridge: boolean;
  readonly mac: string | null;
  /** Of both ends. */
  readonly mtu: number | null;
  readonly address: readonly string[];
  readonly gateway: readonly string[];
}

interface Vlan {
  readonly id: number;
  /** The ends of the cable that carries it. */
  readonly hostEnd: string;
  readonly inside: string;
}

/** A directory or file of the machine's that the subhost sees too. */
export interface Share {
  readonly source: string;
  readonly target: string;
  readonly readOnly: boolean;
  /** It is a device, and can be used as one. */
  readonly isDevice?: true;
}

export interface StartEntry {
  /** A service's name, or the absolute path of a program as the subhost sees it. */
  readonly name: string;
  /** Left out without complaint where the subhost does not have it. */
  readonly optional: boolean;
}
