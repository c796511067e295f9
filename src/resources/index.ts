import { bridge } from './bridge.ts';
import { disk } from './disk.ts';
import type { Kind } from './kind.ts';
import { mount } from './mount.ts';
import { netns } from './netns.ts';
import { process } from './process.ts';
import { veth } from './veth.ts';
import { vlan } from './vlan.ts';

/** Every kind there is, in the order in which a person would read them. */
export const kinds: readonly Kind[] = [bridge, netns, veth, vlan, disk, mount, process] as never;
