import { readFileSync } from 'node:fs';
import type { CgroupPlace } from './contract.ts';
import { isUnified } from './layout.ts';
import { parseOwnCgroups } from './own.ts';

/**
 * Where a further process of a container goes: its cgroup, but on version 2 the one of its init when programs inside (systemd,
 * say) moved into cgroups below and handed controllers down: a cgroup that does so takes no process. Two reads of kernel memory;
 * synchronous, since the plan is built right after.
 */
export function execPath({ layout, path }: CgroupPlace, init: number): string {
  if (!isUnified(layout)) return path;
  const handedDown = read(`${layout.unified}${path}/cgroup.subtree_control`);
  if (handedDown === undefined || handedDown.trim() === '') return path;
  const own = parseOwnCgroups(read(`/proc/${init}/cgroup`) ?? '').get('') ?? '';
  // As we see it: `layout` may begin below the root.
  const at = own.indexOf(`${path}/`);
  return at < 0 ? path : own.slice(at);
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}
