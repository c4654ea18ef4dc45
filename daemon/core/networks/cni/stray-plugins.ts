import { readdir, readFile } from 'node:fs/promises';
import { NETWORK_VARIABLE } from '../../../../common/cni/chain.ts';

/**
 * Ends the plugins for these containers and networks that a daemon before this one started and did not see the end of: there must not be two at once.
 * Returns how many.
 */
export async function endStrayPlugins(ids: ReadonlySet<string>): Promise<number> {
  if (ids.size === 0) return 0;
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const stray = await Promise.all(pids.map(async (pid) => ids.has(await subjectOf(pid))));
  const found = pids.filter((_pid, index) => stray[index]);
  for (const pid of found) end(Number(pid));
  return found.length;
}

/** The container or network of a plugin; '' for all other processes. */
async function subjectOf(pid: string): Promise<string> {
  try {
    const variables = (await readFile(`/proc/${pid}/environ`, 'utf8')).split('\0');
    const valueOf = (name: string): string | undefined =>
      variables.find((each) => each.startsWith(`${name}=`))?.slice(name.length + 1);
    if (valueOf('CNI_COMMAND') === undefined) return '';
    return valueOf('CNI_CONTAINERID') ?? valueOf(NETWORK_VARIABLE) ?? '';
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
