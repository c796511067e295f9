import { EventEmitter } from 'node:events';
import { PassThrough } from 'node:stream';
import { INIT, INSIDE, LINKS } from './scene.ts';

// While a snapshot is taken Node can start no program. They are played: they come to a good end, and say what makes ob go on.

/** No process can have it. */
const NOBODY = 0x7fffffff;

interface Part {
  readonly stdin: PassThrough | null;
  readonly stdout: PassThrough;
  say(text: string): void;
  end(): void;
}

/** What plays `spawn` of node:child_process: see scripts/late.mjs. */
export function playProgram(path: string, args: readonly string[], { stdio }: { readonly stdio?: unknown }): EventEmitter {
  const [first] = Array.isArray(stdio) ? stdio : [];
  const [stdin, stdout, stderr] = [first === 'pipe' ? new PassThrough() : null, new PassThrough(), new PassThrough()];
  const streams = { stdin, stdout, stderr, stdio: [stdin, stdout, stderr] };
  const child = Object.assign(new EventEmitter(), { pid: NOBODY, exitCode: 0, signalCode: null, kill: () => true }, streams);
  const end = (): void => {
    stdout.end();
    stderr.end();
    child.emit('exit', 0, null);
    setImmediate(() => child.emit('close', 0, null));
  };
  process.nextTick(() => {
    child.emit('spawn');
    const [mode = ''] = args;
    (PARTS[mode] ?? playAny)({ stdin, stdout, say: (text) => void stdout.write(text), end }, path, args);
  });
  return child;
}

const PARTS: Readonly<Record<string, (part: Part) => void>> = { serve: playServe };

function playAny({ say, end }: Part, path: string, args: readonly string[]): void {
  say(wordsOf(path, args));
  end();
}

/** Everything that is asked for is done, or there. */
function wordsOf(path: string, args: readonly string[]): string {
  if (path.endsWith('/ip')) return LINKS;
  const [mode = '', ...words] = args;
  if (mode !== 'look' && mode !== 'glance') return args.map((word) => `${word} ok\n`).join('');
  const end = words.indexOf('/');
  const insides = words.slice(0, end).map((name) => `${name}\n${INSIDE}\n`);
  return [...insides, ...words.slice(end + 2).map((owner) => `${owner}\n${INIT}\n`)].join('');
}

/** See reaper/serve.c. */
function playServe({ stdin, say, end }: Part): void {
  const marks = new Map<string, string>();
  let text = '';
  say('{"lock":0}\n');
  stdin?.setEncoding('latin1').on('data', (more: string) => {
    text += more;
    for (let match = FRAME.exec(text); match; match = FRAME.exec(text)) {
      const [head, what = '', key = '', words, input] = match;
      const [path = '', ...args] = text
        .slice(head.length, head.length + Number(words))
        .split('\0')
        .slice(0, -1);
      text = text.slice(head.length + Number(words) + Number(input));
      const [, mark = ''] = args;
      if (what === 'talk') marks.set(key, mark);
      const answer = what === 'run' ? { exit: 0, out: wordsOf(path, args), err: '' } : bootAnswer(what, marks.get(key) ?? '');
      say(`${JSON.stringify({ key: Number(key), ...answer })}\n`);
    }
  });
  stdin?.on('end', end);
}

const FRAME = /^(\w+) (\d+) (\d+) (\d+)\n/;

/** See reaper/boot.c: one subhost, with whatever list. */
function bootAnswer(what: string, mark: string): object {
  if (what === 'talk') return { said: `${mark} pid 1\n${mark} ready\n` };
  if (what === 'say') return { said: `${mark} start networking\n${mark} done networking 000\n${mark} finished\n` };
  return { exit: 0, err: '' };
}
