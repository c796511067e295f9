import { styleText } from 'node:util';

type Colour = 'green' | 'yellow' | 'red' | 'cyan' | 'dim' | 'bold';

export type Paint = (colour: Colour, text: string) => string;

/** Colours only for a terminal that wants them (https://no-color.org). */
export function createPaint(stream: { readonly isTTY?: boolean }, env: NodeJS.ProcessEnv): Paint {
  const isPlain = !stream.isTTY || Boolean(env['NO_COLOR']) || env['TERM'] === 'dumb';
  return isPlain ? (_, text) => text : (colour, text) => styleText(colour, text, { validateStream: false });
}
