import { readdir, readFile } from 'node:fs/promises';

/**
 * Ends the plugins for these containers that a daemon before this one started and did not see the end of: there must not be two at once.
 * Returns how many.
 */
export async function endStrayPlugins(containerIds: ReadonlySet<string>): Promise<number> {
  if (containerIds.size === 0) return 0;
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const stray = await Promise.all(pids.map(async (pid) => containerIds.has(await containerOf(pid))));
  const found = pids.filter((_pid, index) => stray[index]);
  for (const pid of found) end(Number(pid));
  return found.length;
}

/** CNI_CONTAINERID of a plugin; '' for all other processes. */
async function containerOf(pid: string): Promise<string> {
  try {
    const variables = (await readFile(`/proc/${pid}/environ`, 'utf8')).split('\0');
    const valueOf = (name: string): string | undefined =>
      variables.find((each) => each.startsWith(`${name}=`))?.slice(name.length + 1);
    return valueOf('CNI_COMMAND') === undefined ? '' : (valueOf('CNI_CONTAINERID') ?? '');
  } catch {
    return '';
  }
}

function end(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended.
  }
}
