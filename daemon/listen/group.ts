import { readFile } from 'node:fs/promises';
import { notFound } from '../../common/errors.ts';

/**
 * The group id that owns the sockets: of `name` (a number is one already), else of `wherry`, else of `docker`, else root's. A
 * group that was asked for and does not exist throws `not-found`.
 */
export async function socketGroup(name: string | undefined, path = '/etc/group'): Promise<number> {
  const groups = await readGroups(path);
  if (name === undefined) return groups.get('wherry') ?? groups.get('docker') ?? 0;
  const gid = groups.get(name) ?? (/^\d+$/.test(name) ? Number(name) : undefined);
  if (gid === undefined) throw notFound(`The group "${name}" that the option "group" names does not exist`);
  return gid;
}

/** `name:password:gid:members` lines (man 5 group). */
async function readGroups(path: string): Promise<ReadonlyMap<string, number>> {
  const text = await readFile(path, 'utf8').catch(() => '');
  return new Map(
    text.split('\n').flatMap((line) => {
      const [name = '', , gid = ''] = line.split(':');
      return /^\d+$/.test(gid) ? [[name, Number(gid)] as const] : [];
    }),
  );
}
