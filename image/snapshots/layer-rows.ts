import type { DatabaseSync } from 'node:sqlite';
import type { ChainId } from '../snapshots.ts';

/** One unpacked layer. */
export interface Layer {
  readonly chain: ChainId;
  readonly parent: ChainId | undefined;
  readonly directory: number;
  readonly sizeBytes: number;
  /** Occupied on the disk as `du` counts: 512-byte blocks, directories too, hard links once. */
  readonly diskBytes: number;
  /** Names below the layer's root. */
  readonly entryCount: number;
  /** Hides all layers below: overlayfs ignores the mark on a lower's root, so they are left out of the mount. */
  readonly opaqueRoot: boolean;
  readonly root: { readonly mode: number; readonly uid: number; readonly gid: number };
}

const INSERT = `INSERT INTO snapshot_layer (chain, parent, directory, size_bytes, opaque_root,
  root_mode, root_uid, root_gid, disk_bytes, entry_count) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`;

/** The rows of unpacked layers. */
export function layerInserter(db: DatabaseSync): (layer: Layer) => void {
  const insert = db.prepare(INSERT);
  return (layer) => {
    const { chain, parent, directory, sizeBytes, diskBytes, entryCount, opaqueRoot, root } = layer;
    const { mode, uid, gid } = root;
    const opaque = opaqueRoot ? 1 : 0;
    insert.run(chain, parent ?? null, directory, sizeBytes, opaque, mode, uid, gid, diskBytes, entryCount);
  };
}

export function readLayers(db: DatabaseSync): Map<ChainId, Layer> {
  const rows = db.prepare('SELECT * FROM snapshot_layer').all() as unknown as {
    chain: ChainId;
    parent: ChainId | null;
    directory: number;
    size_bytes: number;
    opaque_root: number;
    root_mode: number;
    root_uid: number;
    root_gid: number;
    disk_bytes: number | null;
    entry_count: number | null;
  }[];
  const layers = rows.map((row) => ({
    chain: row.chain,
    parent: row.parent ?? undefined,
    directory: row.directory,
    sizeBytes: row.size_bytes,
    diskBytes: row.disk_bytes ?? 0,
    entryCount: row.entry_count ?? 0,
    opaqueRoot: row.opaque_root === 1,
    root: { mode: row.root_mode, uid: row.root_uid, gid: row.root_gid },
  }));
  return new Map(layers.map((layer) => [layer.chain, layer]));
}
