import { startupSnapshot } from 'node:v8';
import { main } from './main.ts';
import { warmUp } from './warm-up.ts';

// What `node --build-snapshot` runs: everything is loaded by then, and main is what the snapshot begins with.
void warmUp();
startupSnapshot.setDeserializeMainFunction(() => void main());
