import {
  CAPABILITIES,
  type Capability,
  type Confinement,
  changeCapabilities,
  confinementOf,
  isDefault,
  PROFILES,
  type Profile,
} from '../../resources/confinement.ts';
import type { Subhost } from '../../resources/hosts.ts';
import { checkOnce } from './check-once.ts';
import type { Report } from './node.ts';
import { described, list, map, nearest, object, type Placed, placed, type Shape, text } from './shape.ts';
import { flag, oneOf } from './values.ts';

/** What a subhost may do, as it is written. */
export interface RawConfinement {
  readonly profile?: Profile;
  readonly caps?: RawCapabilities;
  readonly seccomp?: Confinement['seccomp'];
  readonly no_new_privs?: boolean;
}

type Named = Placed<Capability | 'all'>;

interface RawCapabilities {
  readonly add?: readonly Named[];
  readonly drop?: readonly Named[];
}

const KNOWN = ['all', ...CAPABILITIES];

function nameOf(value: string): string {
  return value.toLowerCase().replace(/^cap_/, '');
}

const capability: Shape<Named> = placed(
  map(
    text(
      'a capability',
      (value) => (KNOWN.includes(nameOf(value)) ? undefined : `Linux has none of this name${nearest(nameOf(value), KNOWN)}`),
      {
        pattern: '^[A-Za-z_]+$',
      },
    ),
    (value) => nameOf(value) as Capability | 'all',
  ),
);

export const confinementKeys: { readonly [K in keyof RawConfinement]-?: Shape<Exclude<RawConfinement[K], undefined>> } = {
  profile: described(oneOf(PROFILES), {
    title: 'What root inside may do',
    description:
      '"default": what services need; "minimal": runc\'s three capabilities, and nothing gains rights by an exec (no login, no su); "trusted": everything, as under overlay-boot. Root of a trusted subhost can do to the machine what it likes.',
    default: 'default',
    examples: ['minimal'],
  }),
  caps: described(
    object<RawCapabilities>({
      add: described(list('capabilities', capability), {
        title: 'Capabilities beside those of the profile',
        description: 'As capabilities(7) names them, with or without "CAP_"; "all": every one.',
        examples: [['sys_time'], ['CAP_SYS_PTRACE']],
      }),
      drop: described(list('capabilities', capability), {
        title: 'Capabilities that the profile has and this subhost has not',
        description: 'As capabilities(7) names them, with or without "CAP_"; "all": every one that is not under "add".',
        examples: [['net_raw'], ['all']],
      }),
    }),
    {
      title: 'Capabilities',
      description: 'Changes the set of the profile. A system call that belongs to a capability is allowed with it.',
      examples: [{ add: ['sys_time'], drop: ['net_raw'] }],
    },
  ),
  seccomp: described(oneOf(['default', 'off'] as const), {
    title: 'Filter of system calls',
    description:
      '"default": calls that reach past a subhost are denied, and 32-bit programs with them; "off": none is. Left out: that of the profile.',
    examples: ['off'],
  }),
  no_new_privs: described(flag, {
    title: 'Does nothing gain rights by an exec',
    description: 'Then set-user-ID programs (su, sudo, ping) and file capabilities give nothing. Left out: that of the profile.',
    examples: [true],
  }),
};

/** Left out where it is the default one. */
export function toConfinement({
  profile = 'default',
  caps,
  seccomp,
  no_new_privs,
}: RawConfinement): Pick<Subhost, 'confinement' | 'trusted'> {
  const base = confinementOf(profile);
  const names = (placed: readonly Named[] = []): (Capability | 'all')[] => placed.map(({ value }) => value);
  const confinement = {
    capabilities: changeCapabilities(base.capabilities, names(caps?.add), names(caps?.drop)),
    seccomp: seccomp ?? base.seccomp,
    noNewPrivs: no_new_privs ?? base.noNewPrivs,
  };
  return { ...(isDefault(confinement) ? {} : { confinement }), ...(profile === 'trusted' ? { trusted: true } : {}) };
}

/** Each capability is there once, added or dropped. */
export function checkCapabilities(raws: readonly RawConfinement[], report: Report): void {
  for (const { caps } of raws)
    checkOnce(
      [...(caps?.add ?? []), ...(caps?.drop ?? [])].map((one) => ({ ...one, what: `capability ${one.value}`, keys: [one.value] })),
      report,
    );
}
