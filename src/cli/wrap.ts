const COLUMNS = 80;

/** A text in lines of so many columns, cut at spaces; all but the first begin with INDENT. A word that is longer stays whole. */
export function wrap(text: string, indent = '', columns: number = COLUMNS): string[] {
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    const line = lines.at(-1);
    if (line !== undefined && line.length + 1 + word.length <= columns) lines[lines.length - 1] = `${line} ${word}`;
    else lines.push(line === undefined ? word : indent + word);
  }
  return lines;
}
