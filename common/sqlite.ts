import { DatabaseSync } from 'node:sqlite';

/**
 * Opens or creates a database the way the daemon wants it: write-ahead log, `synchronous=NORMAL` (a commit survives the
 * death of the daemon; the last ones may be lost in a power cut, never torn), foreign keys enforced, 5 s of patience with
 * another connection. The parent directory must exist. Close it with `close()`.
 * Source: https://www.sqlite.org/wal.html, https://www.sqlite.org/pragma.html#pragma_synchronous
 */
export function openDatabase(path: string): DatabaseSync {
  const db = new DatabaseSync(path, { enableForeignKeyConstraints: true, timeout: 5000 });
  db.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;');
  return db;
}

/**
 * Runs `change` in one transaction: all of its statements hold or none does. `change` is synchronous, so no other code of
 * this thread sees a half-made state. Inside another transaction it is a part of that one.
 */
export function transaction<T>(db: DatabaseSync, change: () => T): T {
  if (db.isTransaction) return change();
  db.exec('BEGIN IMMEDIATE');
  try {
    const result = change();
    db.exec('COMMIT');
    return result;
  } catch (error) {
    // A failed COMMIT (full disk) may have rolled back by itself.
    if (db.isTransaction) db.exec('ROLLBACK');
    throw error;
  }
}
