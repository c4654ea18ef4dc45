import { existsSync, readdirSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';

const ROOT = '/sys/fs/cgroup';

/** Removes the empty cgroups that containers of a namespace stood in: `/<namespace>` in every hierarchy. */
export function removeCgroups(namespace: string): void {
  const hierarchies = existsSync(join(ROOT, 'cgroup.controllers'))
    ? [ROOT]
    : readdirSync(ROOT).map((name) => join(ROOT, name));
  for (const hierarchy of hierarchies) {
    const path = join(hierarchy, namespace);
    if (existsSync(path)) rmdirSync(path);
  }
}
