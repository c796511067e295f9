export interface Brackets {
  /** TYPE as the parser calls it. */
  see(type: string | null, lexeme: string, offset: number): void;
  /** Where those are that were never closed. */
  end(): readonly number[];
}

/** The parser lets any bracket close any other, and tells of it where it noticed, which can be many lines below. */
export function createBrackets(): Brackets {
  let inside: { readonly close: string; readonly offset: number }[] = [];
  const open: number[] = [];
  const leave = (count: number): void => {
    open.push(...inside.slice(count).map(({ offset }) => offset));
    inside = inside.slice(0, count);
  };
  return {
    see(type, lexeme, offset) {
      if (type === 'flow-map-start' || type === 'flow-seq-start') inside.push({ close: lexeme === '{' ? '}' : ']', offset });
      if (type === 'flow-error-end') leave(0);
      if (type !== 'flow-map-end' && type !== 'flow-seq-end') return;
      const closed = inside.findLastIndex(({ close }) => close === lexeme);
      if (closed < 0) return;
      leave(closed + 1);
      inside.pop();
    },
    end() {
      leave(0);
      return open;
    },
  };
}
