import type { RunningSubhost } from '../planner/conf/running.ts';
import { listForeign } from '../resources/adopted.ts';
import { type Foreign, membersOf } from '../resources/linux/foreign.ts';
import type { Link } from '../resources/linux/ip.ts';
import { formatSize, optionValue, parseSize } from '../resources/linux/mountinfo.ts';
import { readIfThere } from '../resources/linux/proc.ts';
import type { Look } from '../resources/machine.ts';

/** Every subhost that overlay-boot runs here, by name, as far as the kernel shows it. */
export async function describeForeign(look: Look): Promise<RunningSubhost[]> {
  const all = listForeign(look).sort((a, b) => a.name.localeCompare(b.name, 'en', { numeric: true }));
  return Promise.all(all.map((one) => describe(look, one)));
}

async function describe(look: Look, foreign: Foreign): Promise<RunningSubhost> {
  const { name, lower, upper, work, mounts } = foreign;
  const memory = mounts.findLast((mount) => mount.point === '/run' && mount.type === 'tmpfs');
  const size = parseSize(optionValue(memory?.superOptions ?? [], 'size'));
  const inside = (await look.inside(name))?.links ?? [];
  const links = await look.links();
  return {
    name,
    lower,
    upper,
    work,
    ramSize: size ? formatSize(size) : null,
    cables: links.flatMap((link) => toCable(name, link, inside, links)).sort((a, b) => a.number - b.number),
    mounts: [...new Set(mounts.map((mount) => mount.point).filter((point) => !/^\/($|(dev|proc|sys|run)($|\/))/.test(point)))].sort(),
    programs: programsOf(foreign),
  };
}

/** A link of the machine's whose other end is in the subhost. */
function toCable(name: string, link: Link, inside: readonly Link[], links: readonly Link[]): RunningSubhost['cables'] {
  const number = link.name.startsWith(name) ? /^\d+$/.exec(link.name.slice(name.length))?.[0] : undefined;
  const peer = inside.find((one) => one.kind === 'veth' && one.index === link.peerIndex && one.peerIndex === link.index);
  if (link.kind !== 'veth' || number === undefined || !peer) return [];
  const vlans = links.flatMap(({ carrier, vlan, master }) => (carrier === link.name && vlan ? [{ id: vlan, bridge: master ?? null }] : []));
  return [{ number: Number(number), bridge: link.master ?? null, mac: peer.mac ?? null, address: peer.addresses, vlans }];
}

function programsOf(foreign: Foreign): string[] {
  const isOwn = (pid: number): boolean => /^NSpid:(\s+\d+){2,}$/m.test(readIfThere(`/proc/${pid}/status`) ?? '');
  const others = membersOf(foreign).filter((pid) => pid !== foreign.pid && isOwn(pid));
  return [...new Set(others.flatMap((pid) => readIfThere(`/proc/${pid}/comm`)?.trim() || []))].sort();
}
