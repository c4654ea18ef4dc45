import type { ChainId } from '../../snapshots.ts';
import type { Labels } from '../labels.ts';

/** As its row has it; the row's name is the key, or the name that it was committed under. */
export interface StoredSnapshot {
  readonly kind: 'active' | 'view' | 'committed';
  /** '': none. */
  readonly parent: string;
  /** An unpacked layer of the store that, with those below it, stands for everything beneath `directory`. */
  readonly chain?: ChainId;
  /** Its own: `w/<n>` of the store's directories. */
  readonly directory?: number;
  /** The own directory hides all below. */
  readonly opaqueRoot?: boolean;
  /** Of a committed one with a directory of its own. */
  readonly usage?: { readonly bytes: number; readonly inodes: number };
  readonly labels: Labels;
  readonly createdAt: string;
  readonly updatedAt: string;
}
