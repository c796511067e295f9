import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, chownSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import test, { after } from 'node:test';
import { fileURLToPath } from 'node:url';
import { isDeepStrictEqual } from 'node:util';
import { parseConfs } from '../../src/planner/conf/parse.ts';
import { readConfFiles } from '../../src/planner/conf/read.ts';
import type { Facts } from '../../src/planner/hosts/facts.ts';
import { openHostsFile, parseHostsFile, toHostsFile } from '../../src/planner/hosts/read.ts';
import { ObError } from '../../src/resources/error.ts';
import type { HostsFile } from '../../src/resources/hosts.ts';
import { createMachine, noLive } from '../machine.ts';
import { FACTS, PATH } from '../planner/hosts-facts.ts';
import { CONF_FILES } from './conf-files.ts';
import { HOSTS_FILES } from './hosts-files.ts';
import type { Fate, HostileText } from './input.ts';
import { COMMANDS, tryCommand, tryPlanted } from './planted.ts';
import { TOOL_OUTPUT } from './tool-output.ts';

// What is read here is meant to be run, to hang or to crash: it is refused with its place, or taken literally, and the
// folder that we stand in is the same afterwards. `npm run test:hostile` prints the table.

const CHILD = fileURLToPath(new URL('../planner/hosts-child.ts', import.meta.url));
const LIMIT_MS = 30_000;
const CANARY = mkdtempSync(`${tmpdir()}/ob-canary-`);
writeFileSync(`${CANARY}/canary`, 'alive');
process.chdir(CANARY);

const tried: { readonly group: string; readonly what: string; readonly fate: Fate }[] = [];

/** Counts what became of an input; open is what fails. */
function input(group: string, what: string, read: () => Exclude<Fate, 'open'>): void {
  test(`${group}: ${what}`, () => {
    let fate: Fate = 'open';
    const begin = performance.now();
    try {
      const found = read();
      assert(performance.now() - begin < LIMIT_MS, 'it took too long');
      assert.deepEqual([readdirSync(CANARY), readFileSync(`${CANARY}/canary`, 'utf8')], [['canary'], 'alive']);
      fate = found;
    } finally {
      tried.push({ group, what, fate });
    }
  });
}

after(() => {
  process.chdir('/');
  rmSync(CANARY, { recursive: true });
  const groups = [...new Set(tried.map(({ group }) => group))];
  const rows = groups.map((group) => {
    const own = tried.filter((one) => one.group === group);
    const count = (fate: Fate): string => String(own.filter((one) => one.fate === fate).length).padStart(8);
    return `${group.padEnd(24)}${String(own.length).padStart(8)}${count('refused')}${count('literal')}${count('open')}`;
  });
  console.log(
    [`${'input'.padEnd(24)}${['tried', 'refused', 'literal', 'open'].map((word) => word.padStart(8)).join('')}`, ...rows].join('\n'),
  );
});

/** Refused as is said, in words that begin with a place; or taken, and with what it means. */
function judge({ refused, means }: Pick<HostileText, 'refused' | 'means'>, read: () => HostsFile): Exclude<Fate, 'open'> {
  let file: HostsFile;
  try {
    file = read();
  } catch (error) {
    assert(error instanceof ObError, error instanceof Error ? error.stack : String(error));
    const words = error.message.replaceAll(/^\S*\/((hosts\.yaml|web\.conf):)/gm, '$1');
    assert(refused, words);
    assert.match(words, refused);
    assert.match(words, /^(hosts\.yaml|web\.conf):\d+:\d+: /m);
    return 'refused';
  }
  assert(!refused, `it was taken: ${JSON.stringify(file).slice(0, 300)}`);
  const [subhost] = file.subhosts;
  assert(isPart(means, subhost), JSON.stringify(subhost).slice(0, 500));
  return 'literal';
}

function isPart(part: unknown, whole: unknown): boolean {
  if (typeof part !== 'object' || part === null || typeof whole !== 'object' || whole === null) return isDeepStrictEqual(part, whole);
  const fields = new Map<string, unknown>(Object.entries(whole));
  return Object.entries(part).every(([key, value]) => isPart(value, fields.get(key)));
}

/** Under its name in a folder of its own. */
function inFile<T>(name: string, text: string | Buffer, read: (path: string) => T): T {
  const folder = mkdtempSync(`${tmpdir()}/ob-hostile-`);
  try {
    writeFileSync(`${folder}/${name}`, text);
    return read(`${folder}/${name}`);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

for (const item of HOSTS_FILES)
  input('c1 hosts files', item.what, () => {
    if (item.apart) return judgeApart(item);
    return judge(item, () =>
      item.asFile ? inFile('hosts.yaml', item.text, (path) => openHostsFile(path)(FACTS)) : parseHostsFile(String(item.text), PATH, FACTS),
    );
  });

function judgeApart({ text, refused }: HostileText): Exclude<Fate, 'open'> {
  const ran = spawnSync(process.execPath, ['--import', import.meta.resolve('tsx'), CHILD], {
    input: text,
    encoding: 'utf8',
    timeout: LIMIT_MS,
  });
  assert.equal(ran.status, 65, ran.stderr);
  assert.match(ran.stdout, refused ?? /^$/);
  return 'refused';
}

/** A machine that has the directories of Debian; /proc is a filesystem of its own. */
const DEBIAN: Facts = {
  realPath: (path) => path,
  deviceOf: (path) => (path.startsWith('/proc') ? 2 : 1),
  whatIs: (path) => (/^\/(srv|usr|srv\/d\d+)?$/.test(path) ? 'directory' : path === '/etc/passwd' ? 'other' : 'nothing'),
  bridges: new Set<string>(),
};

for (const item of CONF_FILES)
  input('c2 conf files', item.what, () =>
    judge(item, () => {
      if (item.asFile) return inFile('web.conf', item.text, (path) => readConfFiles([path], DEBIAN, () => {}));
      const { node, problems } = parseConfs([{ path: '/mnt/opt/web.conf', text: String(item.text) }]);
      return toHostsFile(node, '/', DEBIAN, problems);
    }),
  );

test('c3 planted uppers', { skip: noLive }, async (t) => {
  const fates = await tryPlanted(await createMachine(t));
  for (const { what, fate, why } of fates) {
    tried.push({ group: 'c3 planted uppers', what, fate });
    assert.notEqual(fate, 'open', `${what}: ${why}`);
  }
});

test('c2 commands in the place of a value', { skip: noLive }, async (t) => {
  const machine = await createMachine(t);
  await machine.sh('mkdir /mnt/canary /mnt/commands');
  for (const [what, command] of Object.entries(COMMANDS))
    await t.test(what, async () => {
      await tryCommand(machine, command);
      tried.push({ group: 'c2 commands', what, fate: 'refused' });
    });
  assert.equal(await machine.sh('ls /mnt/canary'), '');
});

for (const { what, read, refused, means } of TOOL_OUTPUT)
  input('c4 output of tools', what, () => {
    if (!refused) {
      assert.deepEqual(read(), means);
      return 'literal';
    }
    assert.throws(read, (error) => error instanceof ObError && refused.test(error.message));
    return 'refused';
  });

/** What is no file that one reads, by each of the two names. */
const NO_FILES: Readonly<Record<string, (path: string) => void>> = {
  'a FIFO': (path) => void execFileSync('mkfifo', [path]),
  'a directory': (path) => mkdirSync(path),
  'a link to itself': (path) => symlinkSync(path, path),
  'a link to /dev/zero': (path) => symlinkSync('/dev/zero', path),
  'a link to a FIFO': (path) => {
    execFileSync('mkfifo', [`${path}.fifo`]);
    symlinkSync(`${path}.fifo`, path);
  },
  'a link that leads nowhere': (path) => symlinkSync('/nowhere/at/all', path),
  nothing: () => {},
};

for (const [what, make] of Object.entries(NO_FILES))
  for (const [group, name] of [
    ['c1 hosts files', 'hosts.yaml'],
    ['c2 conf files', 'web.conf'],
  ] as const)
    input(group, `${what} under its name`, () =>
      inFile('beside', '', (beside) => {
        const path = beside.replace(/beside$/, name);
        make(path);
        assert.throws(
          () => (name === 'hosts.yaml' ? openHostsFile(path)(FACTS) : readConfFiles([path], DEBIAN, () => {})),
          (error) => error instanceof ObError && error.exitCode === 65 && error.message.startsWith(path),
        );
        return 'refused';
      }),
    );

const GOOD = 'subhosts: { web: { base: /srv/web } }\n';

for (const [what, change] of [
  ['everybody may write to', (path: string) => chmodSync(path, 0o666)],
  ['belongs to nobody', (path: string) => (process.getuid?.() === 0 ? chownSync(path, 65534, 65534) : undefined)],
] as const)
  input('c1 hosts files', `a file that ${what}, without commands`, () =>
    inFile('hosts.yaml', GOOD, (path) => {
      change(path);
      assert.equal(openHostsFile(path)(FACTS).subhosts[0]?.name, 'web');
      return 'literal';
    }),
  );

for (const name of ["x'$(touch canary2)'.conf", '-rf.conf', 'a\nb.conf', '\u202ecod.conf', '$(touch canary2).conf', ';touch canary2;.conf'])
  input('c2 conf files', `a file called ${JSON.stringify(name)}`, () =>
    inFile(name, 'BASE=.\nSTART=none\n', (path) => {
      assert.throws(
        () => readConfFiles([path], DEBIAN, () => {}),
        (error) => error instanceof ObError && error.exitCode === 65 && /:1:1: .* is no name of a subhost|:\d+:\d+: /.test(error.message),
      );
      return 'refused';
    }),
  );
