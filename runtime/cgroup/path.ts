import { invalidArgument } from '../../common/errors.ts';

/** `cgroupsPath` as the steps use it: `/wherry/<id>`. Throws `invalid-argument` for one that is relative, the root, or has `..`. */
export function checkCgroupsPath(path: string): string {
  const names = path.split('/').slice(1);
  const sound =
    path.startsWith('/') &&
    names.length > 0 &&
    names.every((name) => name !== '' && name !== '.' && name !== '..');
  if (!sound)
    throw invalidArgument(
      `invalid cgroupsPath "${path}": it must be absolute, without empty, "." or ".." parts`,
    );
  return path;
}

/** `/a`, `/a/b` for `/a/b`. */
export function levelsOf(path: string): string[] {
  const names = path.split('/').slice(1);
  return names.map((_, index) => `/${names.slice(0, index + 1).join('/')}`);
}
