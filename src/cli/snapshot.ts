import { startupSnapshot } from 'node:v8';
import { main } from './main.ts';

// What `node --build-snapshot` runs: everything is loaded by then, and main is what the snapshot begins with.
startupSnapshot.setDeserializeMainFunction(() => void main());
