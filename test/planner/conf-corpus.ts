/** A conf file that overlay-boot 1.6.4 runs as a shell would, waits for, or falls over. */
export interface Hostile {
  /** `CANARY` stands for a file that must not come to be. */
  readonly conf: string;
  /** How it is refused; else it is taken literally, and `means` is in the subhost. */
  readonly refused?: RegExp;
  readonly means?: Readonly<Record<string, unknown>>;
  readonly warned?: RegExp;
}

const CABLE = /^web\.conf:2:8: ".*" is no (cable|name of a bridge): /m;

const base = 'BASE=.\n';
const noStart = 'START=none\n';

export const HOSTILE: Readonly<Record<string, Hostile>> = {
  'a substitution as cable': { conf: `${base}CABLES=$(touch CANARY)\n`, refused: CABLE },
  'a substitution in backticks': { conf: `${base}CABLES=\`touch CANARY\`\n`, refused: CABLE },
  'a quote that ends the quotes': { conf: `${base}CABLES=x';touch CANARY;'\n`, refused: CABLE },
  'a semicolon': { conf: `${base}CABLES=;touch CANARY;\n`, refused: CABLE },
  'a substitution as MAC': { conf: `${base}CABLES==$(touch\${IFS}CANARY)\n`, refused: /is no MAC/ },
  'a command behind a service': { conf: `${base}START=ssh; reboot\n`, refused: /^web\.conf:2:7: "ssh;" is no service or a path/m },
  'a substitution as service': { conf: `${base}START=$(touch\${IFS}CANARY)\n`, refused: /is no service or a path/ },
  'a command behind a path of START': {
    conf: `${base}START=/x;touch CANARY\n`,
    means: {
      start: [
        { name: '/x;touch', optional: false },
        { name: 'CANARY', optional: false },
      ],
    },
  },
  'a substitution in every path': {
    conf: `BASE=$(touch CANARY)\nUPPER=\`touch CANARY\`\nWORK=';touch CANARY;'\nLIVE="$(touch CANARY)"\nLOWER=/;touch CANARY\n${noStart}`,
    refused: /no directory/,
  },
  'a substitution as BASE': { conf: `BASE=$(touch CANARY)\n${noStart}`, means: { base: '/mnt/opt/$(touch CANARY)' } },
  'a quote in BASE': { conf: `BASE=x';touch CANARY;'\n${noStart}`, means: { base: "/mnt/opt/x';touch CANARY;'" } },
  'an option as BASE': { conf: `BASE=-P\n${noStart}`, means: { base: '/mnt/opt/-P' } },
  'a space in BASE': { conf: `BASE=a b\n${noStart}`, means: { base: '/mnt/opt/a b' } },
  'a pattern as BASE': { conf: `BASE=*\n${noStart}`, means: { base: '/mnt/opt/*' } },
  'no BASE': { conf: noStart, refused: /^web\.conf:1:1: BASE is missing$/m },
  'the root as BASE': { conf: 'BASE=/\n', refused: /root directory of this machine/ },
  'a name that leads up': { conf: `${base}NAME=../../x\n`, refused: /^web\.conf:2:6: "..\/..\/x" is no name of a subhost/m },
  'a substitution as name': { conf: `${base}NAME=$(touch CANARY)\n`, refused: /is no name of a subhost/ },
  'the name of bridges': { conf: `${base}NAME=br\n${noStart}`, means: { name: 'br' } },
  'the machine root as LIVE': { conf: `${base}LIVE=/\n`, refused: /^web\.conf:2:6: this is the root directory/m },
  'UPPER that is LOWER': { conf: `${base}UPPER=/srv\nLOWER=/srv\n${noStart}`, means: { upper: '/srv', lower: '/srv' } },
  'WORK elsewhere': { conf: `${base}WORK=/proc/work\n`, refused: /is on another filesystem than upper/ },
  'an option of mount in a path': { conf: `${base}UPPER=root,lowerdir=/\n`, refused: /it holds ","/ },
  'no RAM': { conf: `${base}RAM_SIZE=none\n${noStart}`, means: { ramSize: null } },
  'an option of mount as size': { conf: `${base}RAM_SIZE=50M,mode=777\n`, refused: /is no size/ },
  'a substitution as size': { conf: `${base}RAM_SIZE=$(touch CANARY)\n`, refused: /is no size/ },
  'a variable twice': {
    conf: `${base}RAM_SIZE=20M\nRAM_SIZE=none\n${noStart}`,
    means: { ramSize: 20 << 20 },
    warned: /^web\.conf:3: RAM_SIZE is there already/m,
  },
  'a space before =': {
    conf: `${base}RAM_SIZE = none\n${noStart}`,
    means: { ramSize: 50 << 20 },
    warned: /^web\.conf:2: .*passes over RAM_SIZE/m,
  },
  'lines that end in CR': { conf: 'BASE=.\r\nRAM_SIZE=none\r\nSTART=none\r\n', means: { base: '/mnt/opt', ramSize: null, start: [] } },
  'no end of line at the end': { conf: `${base}${noStart}RAM_SIZE=none`, means: { ramSize: null } },
  'a NUL': { conf: `${base}START=\0none\n`, refused: /^web\.conf:2:/m },
  'a backslash': { conf: `BASE=a\\\\b\\c\n${noStart}`, refused: /it holds "\\"/, warned: /^web\.conf:1: a backslash in BASE is dropped$/m },
  'many empty lines': { conf: `${base}${noStart}${'\n'.repeat(200_000)}`, means: { start: [] } },
  'two hundred thousand spaces': { conf: `${base}START=${' '.repeat(200_000)}none\n`, means: { start: [] } },
  'a hundred thousand services': { conf: `${base}START=${'a '.repeat(100_000)}\n`, refused: /start entry a is there already/ },
  'a variable of the prototype': {
    conf: `${base}__proto__=x\nconstructor=y\ntoString=z\n${noStart}`,
    means: { start: [] },
    warned: /no variable __proto__/,
  },
};
