import { KeyedLocks } from '../../../common/locks.ts';

/** Who reads which log file: it is not compressed then. */
export interface LogUses {
  /** By the log's path: opening its files, and replacing one by its compressed form. */
  readonly locks: KeyedLocks;
  hold(inode: bigint): Disposable;
  isHeld(inode: bigint): boolean;
}

export function createLogUses(): LogUses {
  const held = new Map<bigint, number>();
  return {
    locks: new KeyedLocks(),
    hold: (inode) => {
      held.set(inode, (held.get(inode) ?? 0) + 1);
      return {
        [Symbol.dispose]: () => {
          const left = (held.get(inode) ?? 1) - 1;
          if (left === 0) held.delete(inode);
          else held.set(inode, left);
        },
      };
    },
    isHeld: (inode) => held.has(inode),
  };
}
