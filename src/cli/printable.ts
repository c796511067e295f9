// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what it is about.
const CONTROL = /[\u0000-\u001f\u007f-\u009f]/g;

/** Has it no control character? Most texts have none, and to look is cheaper than to replace. */
export function isPrintable(text: string): boolean {
  return text.search(CONTROL) < 0;
}

/**
 * A text without control characters. What a subhost says (the last words of a service, the name of a link) ends at the
 * terminal of whoever looks after the machine, and must not steer it.
 */
export function printable(text: string): string {
  return text.replace(CONTROL, (character) => `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`);
}
