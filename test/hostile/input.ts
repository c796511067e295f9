/** A text that is not meant well. */
export interface HostileText {
  readonly what: string;
  readonly text: string | Buffer;
  /** How it is refused, with file, line and column. Else it is taken literally, and `means` is in its subhost. */
  readonly refused?: RegExp;
  readonly means?: Readonly<Record<string, unknown>>;
  /** It is read from a file: what is refused is how that is, not what it says. */
  readonly asFile?: true;
  /** In a process of its own: such texts have ended Node itself. */
  readonly apart?: true;
}

/** What became of an input. Open: it was run, it hung, it crashed, or it was taken for something else. */
export type Fate = 'refused' | 'literal' | 'open';
