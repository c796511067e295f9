/** A position in the text, counted from 1. */
export interface Spot {
  readonly line: number;
  readonly column: number;
}

/** What a YAML file is made of here: no anchors, aliases, tags or merge keys. */
export type Node = MapNode | ListNode | ScalarNode;

export interface MapNode extends Spot {
  readonly kind: 'map';
  readonly entries: readonly { readonly key: KeyNode; readonly value: Node }[];
  /** Is something of it left out, because the text cannot be read as YAML from there on? Then nothing can be said to be missing. */
  readonly isCut?: boolean;
}

export interface KeyNode extends Spot {
  readonly text: string;
  /** What it is where it is no text: `5` is a number, `null` is nothing. */
  readonly value?: number | boolean | null;
}

interface ListNode extends Spot {
  readonly kind: 'list';
  readonly items: readonly Node[];
}

export interface ScalarNode extends Spot {
  readonly kind: 'scalar';
  readonly value: string | number | boolean | null;
  /** As it was written. */
  readonly source: string;
  /** A command has printed it: it is what it is, also if it looks like a command. */
  readonly isPrinted?: true;
}

/** Something wrong in the file. All of them are collected, then shown at once. */
export interface Problem extends Spot {
  readonly message: string;
}

/** OTHER: a second place that the message is about; it is told after the message. */
export type Report = (spot: Spot, message: string, other?: Spot) => void;
