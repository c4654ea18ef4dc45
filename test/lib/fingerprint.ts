import { createHash } from 'node:crypto';
import { lstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';

/** All that is at a path and below: names, modes, owners, times of change and contents, as a text to compare. */
export function fingerprint(path: string): string {
  const status = lstatSync(path);
  const own = `${path} ${status.mode} ${status.uid}:${status.gid} ${status.ctimeMs}`;
  if (status.isSymbolicLink()) return `${own} ${readlinkSync(path)}`;
  if (status.isFile()) return `${own} ${createHash('sha256').update(readFileSync(path)).digest('hex')}`;
  if (!status.isDirectory()) return own;
  return [own, ...readdirSync(path).map((name) => fingerprint(join(path, name)))].join('\n');
}
