import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';
import { fileURLToPath } from 'node:url';
import { createMachine, noLive, type TestMachine } from '../machine.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, '');

/** One command of a ```console block and what it is said to print. */
interface Shown {
  readonly command: string;
  readonly output: readonly string[];
}

function shownIn(page: string): Shown[] {
  const blocks = [...readFileSync(`${ROOT}/${page}`, 'utf8').matchAll(/^```console\n([\s\S]*?)^```$/gm)];
  return blocks.flatMap(([, block = '']) =>
    block
      .split(/^\$ /m)
      .slice(1)
      .map((part) => {
        const [command = '', ...output] = part.trimEnd().split('\n');
        return { command, output };
      }),
  );
}

/** Times, PIDs and the folder differ from run to run, and so does the order in which steps end. */
function stable(lines: readonly string[]): string[] {
  const same = lines.map((line) =>
    line
      .replace(/^\d+\.\d s +(?=ok)/, 'TIME ')
      .replaceAll(ROOT, '/path/to/ob')
      .replace(/ \d+ +\d+[smhd]\S* +(?=\d+\/\d+ )/, ' PID AGE ')
      .replace(/ PID1 +UPTIME +/, ' PID1 UPTIME ')
      .replace(/ \d+[KM] +(\d+)$/, ' SIZE $1'),
  );
  const isStep = (line: string): boolean => /^(made|changed|removed|stopped|started) /.test(line);
  return [...same.filter((line) => !isStep(line)), ...same.filter(isStep).toSorted()];
}

async function checkPage(machine: TestMachine, page: string, folder: string): Promise<void> {
  const shown = shownIn(page);
  assert.ok(shown.length > 0, `${page} shows no command`);
  for (const { command, output } of shown) {
    // npx would build what has been built, under the tests that run beside this one.
    const script = `npx() { shift; node ${ROOT}/dist/ob.js "$@"; }; ob() { npx ob "$@"; }; ${command.replace(/^npm ci && /, '')}`;
    const ran = await machine.run('sh', ['-c', script], { cwd: folder });
    assert.deepEqual(stable(ran.stdout.trimEnd().split('\n')), stable(output), `${page}: ${command}\n${ran.stderr}`);
    assert.equal(ran.code, 0, `${page}: ${command}\n${ran.stderr}`);
  }
}

test('the first screen of the README is true', { skip: noLive }, async (t) => {
  await checkPage(await createMachine(t), 'README.md', ROOT);
});

const HOSTS = `bridges: { ob0: { address: 10.77.0.1/24 } }
subhosts:
  web:
    base: /var/lib/ob/web
    cables: [{ bridge: ob0, mac: "02:00:0a:4d:00:02", address: 10.77.0.2/24 }]
    start: none
    ram_size: 20M
`;

test('what the page on plan, apply and destroy shows is true', { skip: noLive }, async (t) => {
  const machine = await createMachine(t);
  machine.write('/mnt/hosts.yaml', HOSTS);
  assert.equal((await machine.ob('apply')).code, 0);
  machine.write('/mnt/hosts.yaml', HOSTS.replace('00:02', '00:12').replace('start: none', 'start: [/bin/true]'));
  await checkPage(machine, 'docs/apply.md', '/mnt');
});

test('the example of the page on hosts files is a good file', { skip: noLive }, async (t) => {
  const machine = await createMachine(t);
  const [, example = ''] = /```yaml\n(scope:[\s\S]*?)```/.exec(readFileSync(`${ROOT}/docs/hosts-file.md`, 'utf8')) ?? [];
  machine.write('/mnt/hosts.yaml', example);
  const ran = await machine.ob('validate');
  assert.deepEqual([ran.code, ran.stderr], [0, '']);
});

test('what the page for users of overlay-boot shows is true', { skip: noLive }, async (t) => {
  const machine = await createMachine(t);
  // Where overlay-boot(8) has its examples; nothing of the real folder is seen or touched.
  await machine.sh('mount -t tmpfs tmpfs /opt && mkdir -p /opt/subhost/copy');
  const page = 'docs/overlay-boot.md';
  machine.write('/opt/subhost/copy/copy.conf', `${shownIn(page)[0]?.output.join('\n')}\n`);
  await checkPage(machine, page, '/opt/subhost/copy');
});
