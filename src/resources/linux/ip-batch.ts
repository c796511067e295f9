import { ObError } from '../error.ts';
import { failure, run } from '../run.ts';

/** Lines for one `ip -batch`, each with the address of the object that it is for. */
export interface BatchLine {
  readonly address: string;
  readonly words: readonly string[];
}

/**
 * Runs many `ip` commands in one process and gives the first error of each object. The lines of an object
 * that follow a failed one are run all the same (`ip -force`): they must be harmless then.
 */
export async function runIpBatch(lines: readonly BatchLine[], netns?: string): Promise<Map<string, ObError>> {
  const errors = new Map<string, ObError>();
  if (lines.length === 0) return errors;
  const input = `${lines.map((line) => line.words.join(' ')).join('\n')}\n`;
  const ran = await run('ip', [...(netns ? ['-n', netns] : []), '-force', '-batch', '-'], { input });
  if (ran.ok) return errors;
  for (const [index, words] of parseBatchErrors(ran.words)) {
    const line = lines[index];
    if (!line || errors.has(line.address)) continue;
    const where = netns ? `ip -n ${netns}` : 'ip';
    errors.set(line.address, new ObError(`${words}; ran: ${where} ${line.words.join(' ')}`));
  }
  if (errors.size === 0) throw failure(ran, 'ip gave up');
  return errors;
}

/** What `ip -force -batch -` says: the words of an error, then `Command failed -:LINE`. Lines count from 1. */
export function parseBatchErrors(text: string): Map<number, string> {
  const errors = new Map<number, string>();
  let words: string[] = [];
  for (const line of text.split('\n')) {
    const failed = /^Command failed .*:(\d+)$/.exec(line);
    if (!failed) {
      words.push(line.trim());
      continue;
    }
    errors.set(Number(failed[1]) - 1, words.filter(Boolean).join(': ') || 'failed without a word');
    words = [];
  }
  return errors;
}
