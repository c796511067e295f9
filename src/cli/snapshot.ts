import { startupSnapshot } from 'node:v8';
import { main } from './main.ts';
import { playProgram } from './rehearsal/cast.ts';
import { rehearse } from './rehearsal/rehearse.ts';

// What `node --build-snapshot` runs: everything is loaded by then, and main is what the snapshot begins with.
Object.assign(globalThis, { obPlayProgram: playProgram });
void rehearse().then((failed) => {
  // For its test.
  if (failed.length > 0 && process.env['OB_REHEARSAL'] === 'strict') throw new Error(failed.join('\n'));
});
startupSnapshot.setDeserializeMainFunction(() => void main());
