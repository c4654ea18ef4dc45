import { readdir, readFile } from 'node:fs/promises';

/** The files below a directory that are loop devices now. */
export async function loopFilesBelow(directory: string): Promise<string[]> {
  const names = (await readdir('/sys/block')).filter((name) => name.startsWith('loop'));
  const files = await Promise.all(
    names.map((name) => readFile(`/sys/block/${name}/loop/backing_file`, 'utf8').catch(() => '')),
  );
  return files.map((file) => file.trim()).filter((file) => file.startsWith(`${directory}/`));
}
