import { cable, type RawCable } from './cable.ts';
import { command, orCommand } from './command.ts';
import { confinementKeys, type RawConfinement } from './confine.ts';
import { device } from './devices.ts';
import { type Layer, layer } from './diskfile.ts';
import { hide, type RawHide } from './hide.ts';
import { limits, type RawLimits } from './limits.ts';
import { byKind, choice, described, keyed, list, object, type Placed, placed, type Shape } from './shape.ts';
import { share } from './share.ts';
import { ids, type RawIds } from './userns.ts';
import { flag, lowerChange, path, type RamSize, ramSize, restart, startEntry } from './values.ts';

/** A subhost as it is written. */
export interface RawSubhost extends RawConfinement {
  readonly keys: ReadonlySet<string>;
  readonly base?: Placed<string>;
  readonly lower?: Placed<Layer>;
  readonly upper?: Placed<Layer>;
  readonly work?: Placed<string>;
  readonly live?: Placed<string>;
  readonly hide?: RawHide;
  readonly cables?: readonly Placed<RawCable>[];
  readonly start?: readonly Placed<string>[];
  readonly share?: readonly Placed<string>[];
  readonly premount?: Placed<readonly string[]>;
  readonly postmount?: Placed<readonly string[]>;
  readonly init?: Placed<readonly string[]>;
  readonly log?: Placed<string>;
  readonly ram_size?: RamSize;
  readonly restart?: 'always' | 'on-failure' | 'never';
  readonly on_lower_change?: 'warn' | 'restart';
  readonly check_services?: boolean;
  readonly limits?: RawLimits;
  readonly devices?: readonly Placed<string>[];
  readonly userns?: Placed<RawIds>;
}

const subhostKeys = object<Omit<RawSubhost, 'keys'>>({
  base: described(orCommand(path), {
    title: "The subhost's own folder",
    description: 'Relative to this file. Made if missing, for root alone.',
    examples: ['/var/lib/ob/web', './web'],
  }),
  lower: described(orCommand(layer), {
    title: 'Read-only layer',
    description:
      'The directory that the subhost sees, relative to base. Equal to live: that tree is mounted already, no overlay is made. Equal to upper: it is bound to live, and written.',
    default: '/',
    examples: ['/', '/srv/trees/bookworm', { diskfile: { image: 'tree.squashfs' } }],
  }),
  upper: described(orCommand(layer), {
    title: 'Written layer',
    description:
      'Where the files go that the subhost writes, relative to base. Made if missing, never deleted. Or a program: run with ACTION=setup before the root is mounted, it prints the directory; run with ACTION=teardown once the subhost has ended. Or a directory in an image.',
    default: 'root',
    examples: ['root', './set-up', { diskfile: { image: 'disk.img', partition: 2, path: 'root' } }],
  }),
  work: described(orCommand(path), {
    title: "Overlay's work directory",
    description: 'On the filesystem of upper, relative to base, or to its root if that is in an image. Made if missing.',
    default: 'work',
  }),
  live: described(orCommand(path), {
    title: 'Mount point of the root',
    description: "Where the subhost's files can be looked at from the machine, relative to base. Made if missing.",
    default: 'live',
  }),
  hide: described(hide, {
    title: 'What of lower it does not see',
    description:
      'Paths from its root on; "*" is any text in a name, and a folder with "/" behind it is seen empty. Beside them, where lower is /, the machine\'s secrets and the folders of all subhosts. "none": it sees all.',
    examples: [['/home/', '/srv/*.key'], 'none'],
  }),
  cables: described(list('cables', orCommand(placed(cable))), {
    title: 'Cables',
    description: 'Number N of the subhost "web" is the link webN at the machine and ethN inside; VLANs are not counted.',
    default: [],
    examples: [[{ bridge: 'ob0', address: '10.77.0.2/24', gateway: '10.77.0.1' }], ['br0=02:00:00:00:00:07'], ['=']],
  }),
  start: described(orCommand(byKind({ list: list('services and paths', startEntry), scalar: choice('none', () => []) })), {
    title: 'What is started, in this order',
    description:
      'A name is started by "service NAME start", a path by "PATH start", both inside. A path with ./ or ../ is meant from this file. "none": nothing.',
    default: ['networking', 'ssh'],
    examples: [['networking', 'ssh'], ['./start/web'], 'none'],
  }),
  share: described(list('shares', share), {
    title: 'Shares',
    description:
      'Directories and files of the machine that the subhost sees too: "DIR" or "DIR:INSIDE", with ":ro" if it may not write there. A relative DIR is meant from base. They come and go while the subhost runs.',
    default: [],
    examples: [['/srv/data', '/srv/www:/var/www:ro']],
  }),
  premount: described(command, {
    title: 'Command before the root is mounted',
    description:
      'Run on the machine, as root, in base: a line that is split at its spaces, or a list of words; no shell. Relative to base. It is told CONFIG, NAME, BASE, LOWER, UPPER, WORK and LIVE.',
    examples: ['./before --quick', ['/usr/local/sbin/before', 'two words']],
  }),
  postmount: described(command, {
    title: 'Command after the root is mounted',
    description: 'The same, before anything is started inside.',
    examples: ['./after'],
  }),
  init: described(command, {
    title: 'Command that prints what is started',
    description:
      'Run on the machine each time the subhost starts, as premount is. What it prints is run inside by /bin/sh, in place of "start".',
    examples: ['./boot-script'],
  }),
  log: described(orCommand(path), {
    title: 'Log of its starts',
    description:
      'What the start commands say is appended to this file, relative to base; /var/log/ob/SCOPE/NAME.log if left out. Only root may be able to change the folder. At 1 MB it becomes NAME.log.1.',
    examples: ['/var/log/web.log'],
  }),
  ram_size: described(orCommand(ramSize), {
    title: 'Size of /run',
    description: 'It is kept in memory. A number of bytes, or with k, M or G; "none": not mounted.',
    default: '50M',
    examples: ['50M', '64k', 'none'],
  }),
  restart: described(restart, {
    title: 'What becomes of it once it has ended by itself',
    description:
      'That is, not by ob: its PID 1 was killed, or nothing is left of what ran in it. "always": apply starts it again. "on-failure": only if it was killed, or what ended last gave an exit status other than 0. "never": it is left so. "ob start" starts it in any case, and so does the first apply after the machine has booted.',
    default: 'always',
    examples: ['on-failure'],
  }),
  on_lower_change: described(lowerChange, {
    title: 'What becomes of it when the tree below has changed',
    description:
      'That is, the packages of lower, as by an upgrade of the machine, since its root was mounted: what runs may see some files old and some new. "warn": the condition LowerChanged says so; whenever it is started its root is mounted anew. "restart": apply restarts it, once the package manager has ended.',
    default: 'warn',
    examples: ['restart'],
  }),
  check_services: described(flag, {
    title: 'Are its services asked whether they run',
    description:
      'Each plan runs "service NAME status" inside for the services of the start list; one that says that it does not run is started again by apply.',
    default: false,
    examples: [true],
  }),
  devices: described(list('devices', device), {
    title: 'Devices',
    description: "Devices of the machine that it has in its /dev too, with the machine's owner and mode. They come and go while it runs.",
    default: [],
    examples: [['/dev/net/tun', '/dev/fuse']],
  }),
  limits: described(limits, {
    title: 'Limits',
    description:
      'What all that runs in it may use together. Changed while it runs. Of "defaults" each limit counts unless the subhost has that one.',
    examples: [{ memory: '512M', cpu: 1.5 }],
  }),
  userns: described(ids, {
    title: 'Ids of its own',
    description:
      'For root that may be hostile: "auto" gives it a user namespace with 65536 ids of the machine\'s that nobody else has, a number those from there on. Its root is then a user of the machine like any other. Its upper directory belongs to these ids.',
    default: 'none',
    examples: ['auto', 589824],
  }),
  ...confinementKeys,
});
/** A subhost, or what all have by default. */
export const subhost: Shape<RawSubhost> = keyed(subhostKeys);

/** Stands for a subhost whose value is none: nothing of it can be checked. */
export const UNKNOWN_SUBHOST: RawSubhost = { keys: new Set(['base']) };
