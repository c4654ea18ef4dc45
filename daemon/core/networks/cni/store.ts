import type { DatabaseSync } from 'node:sqlite';
import type { Attachment } from './contract.ts';

/** The rows of attachments. Synchronous, in the daemon's own database. */
export interface AttachmentStore {
  all(): Attachment[];
  put(attachment: Attachment): void;
  delete(attachment: Pick<Attachment, 'containerId' | 'networkId'>): void;
}

export function openAttachmentStore(db: DatabaseSync): AttachmentStore {
  db.exec(
    `CREATE TABLE IF NOT EXISTS network_cni_attachments (
       container_id TEXT NOT NULL, network_id TEXT NOT NULL, attachment TEXT NOT NULL, PRIMARY KEY (container_id, network_id)
     ) STRICT;`,
  );
  const put = db.prepare('INSERT OR REPLACE INTO network_cni_attachments VALUES (?, ?, ?)');
  const remove = db.prepare('DELETE FROM network_cni_attachments WHERE container_id = ? AND network_id = ?');
  return {
    all: () =>
      (db.prepare('SELECT attachment FROM network_cni_attachments').all() as { attachment: string }[]).map(
        ({ attachment }) => JSON.parse(attachment) as Attachment,
      ),
    put: (attachment) =>
      void put.run(attachment.containerId, attachment.networkId, JSON.stringify(attachment)),
    delete: ({ containerId, networkId }) => void remove.run(containerId, networkId),
  };
}
