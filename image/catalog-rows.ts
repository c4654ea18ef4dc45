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
  /** Configuration, manifests, indexes; then the layers, lowest first, as many as `chains`. */
  readonly blobs: readonly Digest[];
  readonly descriptor: Image['descriptor'];
  /** Complete names, sorted. */
  readonly names: readonly string[];
  readonly lastTaggedAt: string | undefined;
}

/** The tables `image_*`, one statement for each change; the caller groups them in transactions. */
export interface CatalogRows {
  read(): ImageRecord[];
  /** An image that is there already only gets further documents and sources. */
  insert(image: PlannedImage): void;
  /** Also notes when, in the image's row. */
  setName(id: ImageId, name: string, at: string): void;
  deleteName(name: string): void;
  /** With its layers' and names' rows. */
  delete(id: ImageId): void;
  /** Repositories that it was pulled from, and by which digest. */
  sources(id: ImageId): { repository: string; digest: Digest }[];
}

export function catalogRows(db: DatabaseSync): CatalogRows {
  const insertImage = db.prepare(
    'INSERT INTO image_config (id, config, manifest_type, manifest_digest, manifest_size) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING',
  );
  const insertLayer = db.prepare('INSERT INTO image_layer VALUES (?, ?, ?) ON CONFLICT DO NOTHING');
  const insertDocument = db.prepare('INSERT INTO image_document VALUES (?, ?, ?) ON CONFLICT DO NOTHING');
  const insertSource = db.prepare('INSERT INTO image_source VALUES (?, ?, ?) ON CONFLICT DO NOTHING');
  const sources = db.prepare('SELECT repository, digest FROM image_source WHERE image_id = ?');
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
      const { documents = [], source } = image;
      for (const { digest, mediaType } of documents) insertDocument.run(image.id, digest, mediaType);
      if (source !== undefined) insertSource.run(image.id, source.repository, source.digest);
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
    sources: (id) => sources.all(id) as { repository: string; digest: Digest }[],
  };
}

/** What `insert` of this image leaves, without names. */
export function recordOf(image: PlannedImage): ImageRecord {
  const descriptor = image.manifest?.descriptor;
  return {
    id: image.id,
    config: image.config,
    chains: chainIds(image.config.diffIds),
    blobs: blobsOf(image.id, descriptor, [...(image.documents ?? []), ...image.layers]),
    descriptor,
    names: [],
    lastTaggedAt: undefined,
  };
}

const blobsOf = (
  id: ImageId,
  descriptor: Image['descriptor'],
  others: readonly { readonly digest: Digest }[],
): Digest[] => [
  id as string as Digest,
  ...(descriptor === undefined ? [] : [descriptor.digest as Digest]),
  ...others.map(({ digest }) => digest),
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
  const layers = db.prepare('SELECT blob AS digest FROM image_layer WHERE image_id = ? ORDER BY position');
  const documents = db.prepare('SELECT digest FROM image_document WHERE image_id = ?');
  const names = db.prepare('SELECT name FROM image_name WHERE image_id = ? ORDER BY name');
  return images.map((row) => {
    const config = parseConfig(row.config);
    const descriptor =
      row.manifest_digest === null
        ? undefined
        : { mediaType: row.manifest_type ?? '', digest: row.manifest_digest, size: row.manifest_size ?? 0 };
    const others = [...documents.all(row.id), ...layers.all(row.id)] as { digest: Digest }[];
    return {
      id: row.id,
      config,
      chains: chainIds(config.diffIds),
      blobs: blobsOf(row.id, descriptor, others),
      descriptor,
      names: names.all(row.id).map(({ name }) => name as string),
      lastTaggedAt: row.last_tagged_at ?? undefined,
    };
  });
}
