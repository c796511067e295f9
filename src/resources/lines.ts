/** What comes in parts, line by line. */
export interface Lines {
  add(part: string): void;
  /** That was all: what is left is a line as well. */
  end(): void;
}

/** Calls TAKE with each line, without its end. */
export function createLines(take: (line: string) => void): Lines {
  // Of one line that has not come to its end, which may have megabytes.
  let parts: string[] = [];
  return {
    add(part) {
      const [first = '', ...more] = part.split('\n');
      parts.push(first);
      if (more.length === 0) return;
      const lines = [parts.join(''), ...more];
      parts = lines.splice(-1);
      lines.forEach(take);
    },
    end() {
      const last = parts.join('');
      parts = [];
      if (last) take(last);
    },
  };
}
