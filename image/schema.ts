import type { DatabaseSync } from 'node:sqlite';

/**
 * The rows that own what is on disk. `image_name` holds complete names, with a tag or a digest. An image's diff ids, and so its
 * chain ids, come from its configuration; `image_layer` keeps which blob each layer came from, `image_document` the indexes and
 * manifests that led to it, `image_source` from which repositories (complete names) it was pulled, by which digest.
 * `image_compressed` remembers what plain blobs of layers became when they were pushed. `image_recipe` owns the recipes of blobs that
 * were dropped, since the unpacked layer makes them again; `image_kept` remembers why others could not be.
 */
const IMAGES = `
  CREATE TABLE IF NOT EXISTS image_config (
    id TEXT PRIMARY KEY,
    config TEXT NOT NULL,
    manifest_type TEXT,
    manifest_digest TEXT,
    manifest_size INTEGER,
    last_tagged_at TEXT
  ) STRICT;
  CREATE TABLE IF NOT EXISTS image_layer (
    image_id TEXT NOT NULL REFERENCES image_config (id) ON DELETE CASCADE,
    position INTEGER NOT NULL,
    blob TEXT NOT NULL,
    PRIMARY KEY (image_id, position)
  ) STRICT;
  CREATE TABLE IF NOT EXISTS image_name (
    name TEXT PRIMARY KEY,
    image_id TEXT NOT NULL REFERENCES image_config (id) ON DELETE CASCADE
  ) STRICT;
  CREATE INDEX IF NOT EXISTS image_name_image ON image_name (image_id);
  CREATE TABLE IF NOT EXISTS image_document (
    image_id TEXT NOT NULL REFERENCES image_config (id) ON DELETE CASCADE,
    digest TEXT NOT NULL,
    media_type TEXT NOT NULL,
    PRIMARY KEY (image_id, digest)
  ) STRICT;
  CREATE TABLE IF NOT EXISTS image_source (
    image_id TEXT NOT NULL REFERENCES image_config (id) ON DELETE CASCADE,
    repository TEXT NOT NULL,
    digest TEXT NOT NULL,
    PRIMARY KEY (image_id, repository, digest)
  ) STRICT;
  CREATE TABLE IF NOT EXISTS image_compressed (
    plain TEXT PRIMARY KEY,
    digest TEXT NOT NULL,
    size_bytes INTEGER NOT NULL
  ) STRICT;
  CREATE TRIGGER IF NOT EXISTS image_compressed_gone AFTER DELETE ON image_layer
    WHEN NOT EXISTS (SELECT 1 FROM image_layer WHERE blob = old.blob) BEGIN
    DELETE FROM image_compressed WHERE plain = old.blob;
  END;
  CREATE TABLE IF NOT EXISTS image_recipe (
    blob TEXT PRIMARY KEY,
    recompression TEXT NOT NULL,
    blob_bytes INTEGER NOT NULL
  ) STRICT;
  CREATE TABLE IF NOT EXISTS image_kept (
    blob TEXT PRIMARY KEY,
    reason TEXT NOT NULL
  ) STRICT;
  CREATE TRIGGER IF NOT EXISTS image_kept_gone AFTER DELETE ON image_layer
    WHEN NOT EXISTS (SELECT 1 FROM image_layer WHERE blob = old.blob) BEGIN
    DELETE FROM image_kept WHERE blob = old.blob;
  END;
  CREATE TABLE IF NOT EXISTS image_use (
    image_id TEXT PRIMARY KEY REFERENCES image_config (id) ON DELETE CASCADE,
    last_used_at TEXT NOT NULL,
    pinned INTEGER NOT NULL DEFAULT 0
  ) STRICT;
  CREATE TRIGGER IF NOT EXISTS image_use_new AFTER INSERT ON image_config BEGIN
    INSERT OR IGNORE INTO image_use (image_id, last_used_at) VALUES (new.id, strftime('%Y-%m-%dT%H:%M:%fZ', 'now'));
  END;
  INSERT OR IGNORE INTO image_use (image_id, last_used_at)
    SELECT id, strftime('%Y-%m-%dT%H:%M:%fZ', 'now') FROM image_config;
`;

/** Directories: of layers by chain id, of writable snapshots by key. */
const SNAPSHOTS = `
  CREATE TABLE IF NOT EXISTS snapshot_layer (
    chain TEXT PRIMARY KEY,
    parent TEXT,
    directory INTEGER NOT NULL UNIQUE,
    size_bytes INTEGER NOT NULL,
    opaque_root INTEGER NOT NULL,
    root_mode INTEGER NOT NULL,
    root_uid INTEGER NOT NULL,
    root_gid INTEGER NOT NULL,
    disk_bytes INTEGER,
    entry_count INTEGER
  ) STRICT;
  CREATE TABLE IF NOT EXISTS snapshot_writable (
    key TEXT PRIMARY KEY,
    directory INTEGER NOT NULL UNIQUE,
    top TEXT,
    has_loop INTEGER
  ) STRICT;
`;

/** Makes what is not there. */
export function createTables(db: DatabaseSync): void {
  db.exec(IMAGES);
  db.exec(SNAPSHOTS);
  addColumns(db, 'snapshot_writable', ['has_loop INTEGER']);
  addColumns(db, 'snapshot_layer', ['disk_bytes INTEGER', 'entry_count INTEGER']);
}

/** For databases of earlier versions: columns that came later, which may be null there. */
function addColumns(db: DatabaseSync, table: string, columns: readonly string[]): void {
  const present = new Set(
    db
      .prepare('SELECT name FROM pragma_table_info(?)')
      .all(table)
      .map(({ name }) => name),
  );
  for (const column of columns) {
    const [name] = column.split(' ');
    if (!present.has(name ?? '')) db.exec(`ALTER TABLE ${table} ADD COLUMN ${column}`);
  }
}
