/** What is kept of root's rights inside, and which system calls are denied. */
export interface Confinement {
  /** A bit each, as `CapBnd` of /proc/PID/status has them: 16 digits, lower case. */
  readonly capabilities: string;
  readonly seccomp: 'default' | 'off';
  readonly noNewPrivs: boolean;
}

/** By number, capabilities(7). */
export const CAPABILITIES = [
  'chown',
  'dac_override',
  'dac_read_search',
  'fowner',
  'fsetid',
  'kill',
  'setgid',
  'setuid',
  'setpcap',
  'linux_immutable',
  'net_bind_service',
  'net_broadcast',
  'net_admin',
  'net_raw',
  'ipc_lock',
  'ipc_owner',
  'sys_module',
  'sys_rawio',
  'sys_chroot',
  'sys_ptrace',
  'sys_pacct',
  'sys_admin',
  'sys_boot',
  'sys_nice',
  'sys_resource',
  'sys_time',
  'sys_tty_config',
  'mknod',
  'lease',
  'audit_write',
  'audit_control',
  'setfcap',
  'mac_override',
  'mac_admin',
  'syslog',
  'wake_alarm',
  'block_suspend',
  'audit_read',
  'perfmon',
  'bpf',
  'checkpoint_restore',
] as const;

export type Capability = (typeof CAPABILITIES)[number];

export const PROFILES = ['default', 'minimal', 'trusted'] as const;
export type Profile = (typeof PROFILES)[number];

/** What a person should know of that profile whenever he meets it. */
export const TRUSTED_WORDS = 'its root can do to this machine what it likes';

const ALL = (1n << BigInt(CAPABILITIES.length)) - 1n;

/** `default`: Docker's set without mknod, with net_admin. `minimal`: runc's. `trusted`: as overlay-boot has it. */
const PROFILE_SETS: Readonly<Record<Profile, bigint>> = { default: 0xa00435fbn, minimal: 0x20000420n, trusted: ALL };

const CONFINEMENTS = Object.fromEntries(
  PROFILES.map((profile): [Profile, Confinement] => [
    profile,
    { capabilities: toHex(PROFILE_SETS[profile]), seccomp: profile === 'trusted' ? 'off' : 'default', noNewPrivs: profile === 'minimal' },
  ]),
) as Readonly<Record<Profile, Confinement>>;

export function confinementOf(profile: Profile): Confinement {
  return CONFINEMENTS[profile];
}

export function isDefault({ capabilities, seccomp, noNewPrivs }: Confinement): boolean {
  const usual = confinementOf('default');
  return capabilities === usual.capabilities && seccomp === usual.seccomp && noNewPrivs === usual.noNewPrivs;
}

/** `all` drops or adds every one; what is named beside it is an exception from that. */
export function changeCapabilities(hex: string, add: readonly (Capability | 'all')[], drop: readonly (Capability | 'all')[]): string {
  if (add.length + drop.length === 0) return hex;
  const base = add.includes('all') ? ALL : drop.includes('all') ? 0n : toBits(hex);
  return toHex((base | setOf(add)) & ~setOf(drop));
}

function setOf(names: readonly string[]): bigint {
  return names.reduce((set, name) => set | (name === 'all' ? 0n : 1n << BigInt(CAPABILITIES.indexOf(name as Capability))), 0n);
}

/** More of them are told by what is there, not by what is missing. */
const MAX_DIFFERENCES = 8;

/** In words: the name of a profile's set, or its difference from the default one, or what is in it. */
export function showCapabilities(hex: string): string {
  const set = toBits(hex);
  const profile = PROFILES.find((one) => PROFILE_SETS[one] === set);
  if (profile) return profile === 'trusted' ? 'all' : profile;
  const [added, dropped] = [namesIn(set & ~PROFILE_SETS.default), namesIn(PROFILE_SETS.default & ~set)];
  if (added.length + dropped.length > MAX_DIFFERENCES) return namesIn(set).join(' ') || 'none';
  return ['default', ...added.map((name) => `+${name}`), ...dropped.map((name) => `-${name}`)].join(' ');
}

function namesIn(set: bigint): string[] {
  return CAPABILITIES.filter((_, bit) => (set >> BigInt(bit)) & 1n);
}

/** What is wanted and cannot be given, as this machine's own root has it not, is not missing. */
export function withUngivable(seen: string, wanted: string, own: string): string {
  return seen === wanted ? seen : toHex(toBits(seen) | (toBits(wanted) & ~toBits(own)));
}

const CAPABILITIES_LINE = /^CapBnd:\s*(\S+)/m;
const SECCOMP_LINE = /^Seccomp:\s*(\S+)/m;
const NO_NEW_PRIVS_LINE = /^NoNewPrivs:\s*(\S+)/m;

/** Out of /proc/PID/status. */
export function parseConfinement(status: string): Confinement {
  return {
    // Bits that have no name yet are nobody's wish.
    capabilities: toHex(toBits(CAPABILITIES_LINE.exec(status)?.[1] ?? '') & ALL),
    seccomp: SECCOMP_LINE.exec(status)?.[1] === '0' ? 'off' : 'default',
    noNewPrivs: NO_NEW_PRIVS_LINE.exec(status)?.[1] === '1',
  };
}

/** May root inside mount something? */
export function mayMount({ capabilities }: Confinement): boolean {
  return (toBits(capabilities) & setOf(['sys_admin'])) !== 0n;
}

/** And nothing more: who may mount as well can do anything. */
export function mayMakeDevices(confinement: Confinement): boolean {
  return (toBits(confinement.capabilities) & setOf(['mknod'])) !== 0n && !mayMount(confinement);
}

function toBits(hex: string): bigint {
  return BigInt(`0x${hex || '0'}`);
}

function toHex(set: bigint): string {
  return set.toString(16).padStart(16, '0');
}
