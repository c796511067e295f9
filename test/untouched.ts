import { spawn } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { isWell, listKeys, listLoops, listOldCgroups } from './leftovers.ts';
import { cgroupRoot, collect } from './machine.ts';
import { differences, listCgroups, listMounts, listNetworks, readNames, readText } from './snapshot.ts';

// node untouched.ts PROGRAM ARGUMENT…: runs the program, and fails if this machine is not as it was before. What other
// programs do here meanwhile is not looked at, as far as it can be told from what tests do.

const RUN = `run${process.pid}`;
const SETTLE_MS = 5000;

async function look(): Promise<string[]> {
  const run = (program: string, args: readonly string[], { input }: { readonly input: string }) => {
    const child = spawn(program, args);
    // It may end without reading what it is given.
    child.stdin.on('error', () => {});
    child.stdin.end(input);
    return collect(child);
  };
  const source = { root: '', run };
  return [
    ...(await listNetworks(source)),
    ...listMounts(source, [process.pid]),
    ...readdirSync('/proc')
      .filter(isOurs)
      .map((pid) => `process ${pid} ${readText(`/proc/${pid}/cmdline`).replaceAll('\0', ' ')}`),
    // Other runs of the tests may go on beside this one, and whoever starts programs here makes groups for them.
    ...[...listCgroups(cgroupRoot()), ...listOldCgroups()]
      .filter((line) => line.includes(`/ob-test-${RUN}-`) || /^(?!.*\/ob-test-)[^:]*\/ob[/:]/.test(line))
      .map((line) => line.replace(/:.*/, '')),
    ...listKeys(),
    ...(await listLoops(source)),
    // Devices come and go with the machine's.
    ...readdirSync('/dev', { withFileTypes: true }).flatMap((one) => (one.isFile() ? `file /dev/${one.name}` : [])),
    ...['/run', '/run/netns', '/run/ob'].flatMap((folder) => readNames(folder).map((name) => `file ${folder}/${name}`)),
  ];
}

/** Started by this run: it has its environment, or is in a cgroup of its machines. */
function isOurs(pid: string): boolean {
  const isMarked = readText(`/proc/${pid}/environ`).includes(`OB_TEST_RUN=${RUN}`);
  return isMarked || readText(`/proc/${pid}/cgroup`).includes(`/ob-test-${RUN}-`);
}

/** What differs once all that was being ended has ended. */
async function differencesTo(before: readonly string[]): Promise<string[]> {
  for (const deadline = Date.now() + SETTLE_MS; ; await sleep(50)) {
    const found = differences(await look(), before).filter((line) => !isWell(line));
    if (found.length === 0 || Date.now() > deadline) return found;
  }
}

const before = await look();
const [program = '', ...args] = process.argv.slice(2);
// Ctrl-C is for the program, which ends then.
process.on('SIGINT', () => {});
const child = spawn(program, args, { stdio: 'inherit', env: { ...process.env, OB_TEST_RUN: RUN } });
const code = await new Promise<number | null>((resolve) => child.on('exit', resolve));
const found = await differencesTo(before);
if (found.length > 0) process.stderr.write(`The tests have changed this machine:\n${found.join('\n')}\n`);
process.exitCode = found.length > 0 ? 1 : (code ?? 1);
