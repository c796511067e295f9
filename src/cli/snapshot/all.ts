import { COMMANDS } from '../all-commands.ts';
import { beSnapshot } from './snapshot.ts';

beSnapshot(COMMANDS);
