import { keepLines } from '../kept-lines.ts';
import { SHORT } from '../short-commands.ts';
import { beSnapshot } from './snapshot.ts';

// See lines.ts.
keepLines(JSON.parse(process.env['OB_LINES'] ?? '[]'), SHORT);
beSnapshot(SHORT);
