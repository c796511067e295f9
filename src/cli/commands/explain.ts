import { ExitCode, ObError } from '../../resources/error.ts';
import { defaultLog, readBootLog, readLogFrom } from '../../resources/log.ts';
import { listSubhosts } from '../../resources/scopes.ts';
import type { Args, Command } from '../command.ts';
import { explain as explanationOf } from '../explain.ts';
import { explanationLines } from '../explain-text.ts';
import { notThere, scopeOf } from '../owned.ts';
import { readScene, type Scene } from '../read-status.ts';
import { toDate } from '../record/clock.ts';
import { readTrouble } from '../record/records.ts';
import { newLook, REAPER } from '../session.ts';
import type { Status } from '../status.ts';

export const explain: Command = {
  name: 'explain',
  positionals: '<name>',
  summary: 'Tell what is wrong with a subhost, and what to do',
  options: ['file', 'scope', 'json'],
  examples: [
    ['ob explain web', 'What is wrong, what failed, what its log says, what to do; exit 1 if not all is well'],
    ['ob explain web --json', 'The same for programs'],
  ],
  needsRoot: true,

  async run(args, { stdout, output }) {
    const [name = ''] = args.names;
    const scene = await findScene(name, args);
    const status = scene.all.find((one) => one.name === name);
    if (!status)
      throw notThere(
        name,
        scene.all.map((one) => one.name),
      );
    const explanation = explanationOf(await knownOf(status, scene));
    if (args.json) stdout.write(`${JSON.stringify({ ...explanation, status }, null, 2)}\n`);
    else for (const line of explanationLines(explanation, output.paint)) stdout.write(`${line}\n`);
    return explanation.well ? ExitCode.ok : ExitCode.failed;
  },
};

/** From its file; one that no file is found for, or that the file does not have, from the marks. */
async function findScene(name: string, { files, scope }: Args): Promise<Scene> {
  if (scope !== undefined) return readScene({ files: [], scope });
  const inFile = await readScene({ files }).catch((error: unknown) => {
    if (files.length > 0 || !(error instanceof ObError) || !/^no hosts file/.test(error.message)) throw error;
    return undefined;
  });
  if (inFile?.all.some((one) => one.name === name)) return inFile;
  const owners = await listSubhosts(newLook());
  if (inFile && !owners.some((owner) => owner.name === name)) return inFile;
  return readScene({ files: [], scope: scopeOf([name], owners) });
}

async function knownOf(status: Status, { scope, file, plan, world, reasons }: Scene): Promise<Parameters<typeof explanationOf>[0]> {
  const { name } = status;
  const owner = { scope, name };
  const changes = plan.changes.filter((change) => change.subhost === name);
  const needs = new Set(changes.flatMap(({ spec }) => spec?.needs ?? []).map(({ address }) => address));
  const pending = plan.changes.filter(
    (one) => one.action !== 'none' && (one.subhost === name || (one.subhost === null && needs.has(one.address))),
  );
  const touched = new Set(pending.map(({ address }) => address));
  const trouble = readTrouble(owner);
  const logFile = file?.subhosts.find((one) => one.name === name)?.log ?? defaultLog(owner);
  return {
    status,
    live: [...world.live.values()].filter((one) => one.subhost === name),
    pending,
    blockers: plan.blockers.filter(({ address }) => touched.has(address)),
    isCompared: file !== undefined,
    reason: reasons.find((one) => one.name === name),
    trouble,
    troubleSince: trouble && toDate(trouble.since).toISOString(),
    log: await readTail(status, logFile),
    logFile,
  };
}

const TAIL_LINES = 10;
const TAIL_BYTES = 8192;

/** Of what runs, what it has said since its boot; of what has ended by itself, its last words; else what is kept. */
async function readTail({ name, scope, pid1, ended }: Status, path: string): Promise<{ lines: readonly string[]; command: string }> {
  const init = pid1 === null ? undefined : newLook().init({ scope, name });
  const text = init ? await readBootLog(REAPER, init, TAIL_BYTES).catch(() => '') : ended?.words.join('\n') || keptTail(path);
  const lines = text.split('\n').filter((line) => line.trim() !== '');
  return { lines: lines.slice(-TAIL_LINES), command: `ob logs ${name}${init ? ' --boot' : ''}` };
}

/** Where it cannot be read there is less to tell. */
function keptTail(path: string): string {
  try {
    return String(readLogFrom(path, 0)?.text.subarray(-TAIL_BYTES) ?? '');
  } catch (error) {
    if (error instanceof ObError) return '';
    throw error;
  }
}
