import type { Command } from './command.ts';

/** A command as the dispatcher knows it before its file is loaded. */
export interface Entry {
  readonly summary: string;
  /** Other ways to call it, for its help page. */
  readonly aliases?: string;
  readonly common?: boolean;
  /** Works, but is shown under another name. */
  readonly hidden?: boolean;
  readonly load: () => Promise<Command>;
}

export type Entries = Readonly<Record<string, Entry>>;

export const hidden = (entry: Entry): Entry => ({ ...entry, hidden: true });

/** Entries that belong together: `wherry container X`. */
export interface Group {
  readonly summary: string;
  readonly commands: Entries;
}

export type Groups = Readonly<Record<string, Group>>;
