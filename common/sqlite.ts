import { open } from 'node:fs/promises';
import { DatabaseSync } from 'node:sqlite';
import { internal } from './errors.ts';

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
  try {
    db.exec('BEGIN IMMEDIATE');
    const result = change();
    db.exec('COMMIT');
    return result;
  } catch (error) {
    // A failed COMMIT (full disk) may have rolled back by itself.
    if (db.isTransaction) db.exec('ROLLBACK');
    throw withPlace(db, error);
  }
}

/** Runs `change`, a single statement, which needs no transaction around it. A full disk is told with its path. */
export function writing<T>(db: DatabaseSync, change: () => T): T {
  try {
    return change();
  } catch (error) {
    throw withPlace(db, error);
  }
}

/** SQLITE_FULL; https://www.sqlite.org/rescode.html#full */
const FULL = 13;

function withPlace(db: DatabaseSync, error: unknown): unknown {
  const isFull = error instanceof Error && 'errcode' in error && error.errcode === FULL;
  if (!isFull) return error;
  return internal(`Cannot write to "${db.location() ?? ':memory:'}": no space left on device`, {
    cause: error,
  });
}

/** A log of 1,000 pages is written back to the database, and begun anew: https://www.sqlite.org/pragma.html#pragma_wal_autocheckpoint */
const LOG_BYTES = 1_100 * (4096 + 24);

/**
 * Makes the write-ahead log as long as it gets with time anyway, so that on a disk that has become full there is room to note that
 * something was removed. What follows the last transaction in the log is no part of it. Call it right after `openDatabase`, while
 * nobody writes; on a disk that is full already it does nothing.
 */
export async function reserveLog(db: DatabaseSync): Promise<void> {
  const path = db.location();
  if (path === null) return;
  // The first transaction makes the file.
  const { user_version: version = 0 } = db.prepare('PRAGMA user_version').get() ?? {};
  db.exec(`PRAGMA user_version = ${Number(version)}`);
  await using log = await open(`${path}-wal`, 'r+');
  const { size } = await log.stat();
  if (size >= LOG_BYTES) return;
  try {
    await log.write(Buffer.alloc(LOG_BYTES - size), 0, LOG_BYTES - size, size);
  } catch {
    // What was written of it stays.
  }
}
