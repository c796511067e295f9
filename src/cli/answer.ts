import { resolve } from 'node:path';
import type { Answer, Question } from '../planner/hosts/facts.ts';
import { findProgram } from '../resources/programs.ts';
import { runSync } from '../resources/run.ts';
import { findUntrusted } from '../resources/trust.ts';

const ANSWER_LIMIT_MS = 10_000;

/** Each command is run once in a run of ob, however often its file is read; who goes on for long forgets them at times. */
const answers = new Map<string, Answer>();

export function forgetAnswers(): void {
  answers.clear();
}

/** Runs a command whose output is a value in a hosts file. */
export function answer(question: Question): Answer {
  const key = JSON.stringify(question);
  const before = answers.get(key);
  if (before) return before;
  const fresh = ask(question);
  answers.set(key, fresh);
  return fresh;
}

function ask({ argv: [word = '', ...args], folder, config, env }: Question): Answer {
  const program = word.includes('/') ? resolve(folder, word) : word;
  const path = findProgram(program);
  if (!path) return { error: `there is no program ${program}` };
  const untrusted = findUntrusted([config, path]);
  if (untrusted) return { error: `not run as root: others than root can change ${untrusted}; chown root and chmod go-w it` };
  const ran = runSync(path, args, { cwd: folder, env, timeLimitMs: ANSWER_LIMIT_MS });
  if (ran.ok) return { output: ran.output };
  const status = ran.exitCode === undefined ? '' : ` (exit ${ran.exitCode})`;
  return { error: `it failed: ${ran.words.trim() || 'without a word'}${status}` };
}
