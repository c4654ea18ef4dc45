import type { DatabaseSync } from 'node:sqlite';
import type { PlannedImage } from './archive/planned.ts';
import { parseConfig, type ParsedConfig } from './config.ts';
import { chainIds, type Digest } from './digest.ts';
import type { Image } from './images.ts';
import type { ChainId, ImageId } from './snapshots.ts';

/** What the rows of one image say. */
export interface ImageRecord {
  readonly id: ImageId;
  readonly config: ParsedConfig;
  /** Lowest first. */
  readonly chains: readonly ChainId[];
  /** Configuration, manifest and layers. */
  readonly blobs: readonly Digest[];
  readonly descriptor: Image['descriptor'];
  /** Complete names, sorted. */
  readonly names: readonly string[];
  readonly lastTaggedAt: string | undefined;
}

/** The tables `image_*`, one statement for each change; the caller groups them in transactions. */
export interface CatalogRows {
  read(): ImageRecord[];
  /** An image that is there already is left as it is. */
  insert(image: PlannedImage): void;
  /** Also notes when, in the image's row. */
  setName(id: ImageId, name: string, at: string): void;
  deleteName(name: string): void;
  /** With its layers' and names' rows. */
  delete(id: ImageId): void;
}

export function catalogRows(db: DatabaseSync): CatalogRows {
  const insertImage = db.prepare(
    'INSERT INTO image_config (id, config, manifest_type, manifest_digest, manifest_size) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING',
  );
  const insertLayer = db.prepare('INSERT INTO image_layer VALUES (?, ?, ?) ON CONFLICT DO NOTHING');
  const setName = db.prepare('INSERT OR REPLACE INTO image_name VALUES (?, ?)');
  const touch = db.prepare('UPDATE image_config SET last_tagged_at = ? WHERE id = ?');
  const deleteName = db.prepare('DELETE FROM image_name WHERE name = ?');
  const deleteImage = db.prepare('DELETE FROM image_config WHERE id = ?');
  return {
    read: () => readRecords(db),
    insert: (image) => {
      const manifest = image.manifest?.descriptor;
      const { changes } = insertImage.run(
        image.id,
        image.configText,
        manifest?.mediaType ?? null,
        manifest?.digest ?? null,
        manifest?.size ?? null,
      );
      // The blobs of an image that is there already are those of its first archive.
      if (changes === 0) return;
      image.layers.forEach((layer, position) => insertLayer.run(image.id, position, layer.digest));
    },
    setName: (id, name, at) => {
      setName.run(name, id);
      touch.run(at, id);
    },
    deleteName: (name) => void deleteName.run(name),
    delete: (id) => void deleteImage.run(id),
  };
}

/** What `insert` of this image leaves, without names. */
export function recordOf(image: PlannedImage): ImageRecord {
  const descriptor = image.manifest?.descriptor;
  return {
    id: image.id,
    config: image.config,
    chains: chainIds(image.config.diffIds),
    blobs: blobsOf(
      image.id,
      descriptor,
      image.layers.map(({ digest }) => digest),
    ),
    descriptor,
    names: [],
    lastTaggedAt: undefined,
  };
}

const blobsOf = (id: ImageId, descriptor: Image['descriptor'], layers: readonly Digest[]): Digest[] => [
  id as string as Digest,
  ...(descriptor === undefined ? [] : [descriptor.digest as Digest]),
  ...layers,
];

function readRecords(db: DatabaseSync): ImageRecord[] {
  const images = db.prepare('SELECT * FROM image_config').all() as unknown as {
    id: ImageId;
    config: string;
    manifest_type: string | null;
    manifest_digest: string | null;
    manifest_size: number | null;
    last_tagged_at: string | null;
  }[];
  const layers = db.prepare('SELECT blob FROM image_layer WHERE image_id = ? ORDER BY position');
  const names = db.prepare('SELECT name FROM image_name WHERE image_id = ? ORDER BY name');
  return images.map((row) => {
    const config = parseConfig(row.config);
    const descriptor =
      row.manifest_digest === null
        ? undefined
        : { mediaType: row.manifest_type ?? '', digest: row.manifest_digest, size: row.manifest_size ?? 0 };
    const blobs = layers.all(row.id).map(({ blob }) => blob as Digest);
    return {
      id: row.id,
      config,
      chains: chainIds(config.diffIds),
      blobs: blobsOf(row.id, descriptor, blobs),
      descriptor,
      names: names.all(row.id).map(({ name }) => name as string),
      lastTaggedAt: row.last_tagged_at ?? undefined,
    };
  });
}
