/** Where a process is: the path in each hierarchy by controller, in the version 2 one by ''. */
export type OwnCgroups = ReadonlyMap<string, string>;

/** From the text of /proc/<pid>/cgroup (man 7 cgroups). */
export function parseOwnCgroups(text: string): OwnCgroups {
  const own = new Map<string, string>();
  for (const line of text.split('\n')) {
    const match = /^\d+:([^:]*):(.*)$/.exec(line);
    if (match === null) continue;
    for (const controller of (match[1] ?? '').split(',')) own.set(controller, match[2] ?? '/');
  }
  return own;
}
