import { mkdir, stat } from 'node:fs/promises';
import { invalidArgument } from '../../../common/errors.ts';
import type { Bind } from '../contract.ts';

/** `-v` makes the directory that it binds, `--mount` wants it to be there. Throws `invalid-argument` with docker's text. */
export async function prepareBinds(binds: readonly Bind[]): Promise<void> {
  await Promise.all(
    binds.map(async ({ source, createSource }) => {
      if (await exists(source)) return;
      if (!createSource) {
        throw invalidArgument(
          `invalid mount config for type "bind": bind source path does not exist: ${source}`,
        );
      }
      await makeSource(source);
    }),
  );
}

async function exists(path: string): Promise<boolean> {
  try {
    await stat(path);
    return true;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return false;
    throw error;
  }
}

async function makeSource(path: string): Promise<void> {
  try {
    await mkdir(path, { recursive: true, mode: 0o755 });
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException;
    throw invalidArgument(`error while creating mount source path '${path}': mkdir ${path}: ${code}`, {
      cause: error,
    });
  }
}
