/** What a text of the file's may not hold: a terminal would obey it, or a reader not see it. U+202E and its like turn text round. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
const UNSEEN = /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/;
const ALL_UNSEEN = new RegExp(UNSEEN, 'g');

/** As much of a value as tells which one is meant. */
const MAX_QUOTED = 60;

/** The first such character, e.g. `U+001B`. */
export function unseenIn(text: string): string | undefined {
  const found = UNSEEN.exec(text);
  return found ? codePoint(found[0]) : undefined;
}

/** A text as part of a message: in quotes, on one line, every character of it seen. */
export function quote(text: string): string {
  return quoteAll(text.length > MAX_QUOTED ? `${text.slice(0, MAX_QUOTED)}…` : text);
}

/** A path in a message: as it is, unless there is something in it that cannot be seen. */
export function showPath(path: string): string {
  return UNSEEN.test(path) ? quoteAll(path) : path;
}

/** The name of a subhost in a message: as it is, if it can be one. */
export function showName(name: string): string {
  return /^[a-z0-9-]+$/.test(name) ? name : quote(name);
}

/** As Unicode writes it. */
export function codePoint(character: string): string {
  return `U+${(character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')}`;
}

/** A text on one line, every character of it seen. */
export function showText(text: string): string {
  return text.replace(ALL_UNSEEN, (one) => `\\u${one.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

function quoteAll(text: string): string {
  return showText(JSON.stringify(text));
}
