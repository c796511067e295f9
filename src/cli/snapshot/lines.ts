import { readLines } from '../kept-lines.ts';
import { readLine } from '../main.ts';
import { SHORT } from '../short-commands.ts';

// Says, as JSON, what dist/short.blob is to know of command lines.
process.stdout.write(JSON.stringify(await readLines((words) => readLine(words, SHORT))));
