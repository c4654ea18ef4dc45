import { messageOf, notFound } from '../../common/errors.ts';
import { writing } from '../../common/sqlite.ts';
import type { StoreParts } from '../parts.ts';
import type { ImageId } from '../snapshots.ts';

/** When images were used last, and which are to stay: the table `image_use`, which has a row for every image. */
export interface ImageUse {
  /** RFC 3339: creation, a name, or a container, whichever came last. */
  lastUsedAt(id: ImageId): string;
  isPinned(id: ImageId): boolean;
  pin(id: ImageId, pinned: boolean): void;
  /** Used now. Never throws: whoever uses it has better things to do. */
  touch(id: ImageId): void;
}

interface Row {
  readonly usedAt: string;
  readonly pinned: boolean;
}

/** Uses closer together than this are one: a write for each container would cost more than the knowledge is worth. */
const PRECISION_MS = 10_000;

export function openImageUse({ db, catalog, ctx }: Pick<StoreParts, 'db' | 'catalog' | 'ctx'>): ImageUse {
  const select = db.prepare('SELECT last_used_at, pinned FROM image_use WHERE image_id = ?');
  const setUsed = db.prepare('UPDATE image_use SET last_used_at = ? WHERE image_id = ?');
  const setPinned = db.prepare('UPDATE image_use SET pinned = ? WHERE image_id = ?');
  const rowOf = (id: ImageId): Row => {
    const found = select.get(id);
    if (found === undefined) throw notFound(`No such image: ${id}`);
    return { usedAt: String(found['last_used_at']), pinned: found['pinned'] === 1 };
  };
  return {
    lastUsedAt: (id) => {
      const { usedAt } = rowOf(id);
      const taggedAt = catalog.get(id)?.lastTaggedAt ?? '';
      return taggedAt > usedAt ? taggedAt : usedAt;
    },
    isPinned: (id) => rowOf(id).pinned,
    pin: (id, pinned) => {
      writing(db, () => setPinned.run(pinned ? 1 : 0, id));
    },
    touch: (id) => {
      try {
        const { usedAt } = rowOf(id);
        const now = new Date();
        if (now.getTime() - Date.parse(usedAt) < PRECISION_MS) return;
        setUsed.run(now.toISOString(), id);
      } catch (error) {
        ctx.log.warn('Cannot note that an image was used', { image: id, error: messageOf(error) });
      }
    },
  };
}
