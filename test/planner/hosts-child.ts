import { readFileSync } from 'node:fs';
import { parseHostsFile } from '../../src/planner/hosts/read.ts';
import { ExitCode } from '../../src/resources/error.ts';
import { FACTS, PATH } from './hosts-facts.ts';
import { refusal } from './hosts-refused.ts';

// Reads a hosts file from stdin and says the first problem: a program of its own, because some texts have ended Node itself.
const text = readFileSync(0, 'utf8');
process.stdout.write(`${refusal(() => parseHostsFile(text, PATH, FACTS)).split('\n')[0]}\n`);
process.exitCode = ExitCode.badFile;
