import { readFile } from '../../common/patient-fs.ts';
import { invalidArgument } from '../../common/errors.ts';
import type { Digest } from '../digest.ts';
import { parseJson } from '../json.ts';
import { layerPath } from '../layers/path.ts';
import type { SpooledArchive, SpooledMember } from '../workers/jobs.ts';

/** Of one JSON document. The registries' own limit is the same. */
export const MAX_DOCUMENT_BYTES = 4 << 20;
const MAX_LINKS = 16;

/** A file of an archive, spooled to the disk, its digest known. */
export interface ArchiveFile {
  readonly path: string;
  readonly digest: Digest;
  readonly sizeBytes: number;
}

/** The file of this name, through links inside the archive; undefined when there is none. */
export function findFile(archive: SpooledArchive, name: string): ArchiveFile | undefined {
  let wanted = layerPath(name).join('/');
  for (let links = 0; links < MAX_LINKS; links += 1) {
    const member = archive.members.get(wanted);
    if (member === undefined) return undefined;
    if (member.kind === 'file') return asFile(member);
    wanted = member.target;
  }
  throw invalidArgument(`invalid archive: too many links at "${name}"`);
}

/** The same, but throws `invalid-argument` when it is missing. */
export function getFile(archive: SpooledArchive, name: string): ArchiveFile {
  const file = findFile(archive, name);
  if (file === undefined) throw invalidArgument(`invalid archive: does not contain "${name}"`);
  return file;
}

/** Reads a document, refusing one that is too large before it is read. */
export async function readText(file: ArchiveFile, what: string): Promise<string> {
  if (file.sizeBytes > MAX_DOCUMENT_BYTES) {
    throw invalidArgument(`invalid ${what}: ${file.sizeBytes} bytes, more than ${MAX_DOCUMENT_BYTES}`);
  }
  return readFile(file.path, 'utf8');
}

export const readDocument = async (file: ArchiveFile, what: string): Promise<unknown> =>
  parseJson(await readText(file, what), what);

const asFile = (member: Extract<SpooledMember, { kind: 'file' }>): ArchiveFile => ({
  path: member.path,
  digest: member.digest as Digest,
  sizeBytes: member.sizeBytes,
});
