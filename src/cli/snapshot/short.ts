import { SHORT } from '../short-commands.ts';
import { beSnapshot } from './snapshot.ts';

beSnapshot(SHORT);
