import { COMMANDS } from './all-commands.ts';
import { main } from './main.ts';

await main(COMMANDS);
