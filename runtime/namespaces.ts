import { notImplemented } from '../common/errors.ts';
import type { PlanBuilder } from './plan/builder.ts';
import { AT_FDCWD, CLONE_NEW, O_CLOEXEC, O_RDONLY } from './plan/constants.ts';
import type { Slot } from './plan/types.ts';
import type { NamespaceType, Spec } from './spec.ts';

const UNSUPPORTED: readonly NamespaceType[] = ['user', 'time'];

/** How a container stands to each namespace: a fresh one, somebody's by path, or the host's (not listed). */
export interface Namespaces {
  readonly fresh: ReadonlySet<NamespaceType>;
  readonly joined: ReadonlyMap<NamespaceType, string>;
  /** Both kinds: what is not the host's. */
  readonly own: ReadonlySet<NamespaceType>;
}

/** Sorts the namespaces of a specification. Throws `not-implemented` for user and time namespaces, and without a mount namespace. */
export function namespacesOf(spec: Spec): Namespaces {
  const listed = spec.linux.namespaces;
  for (const type of UNSUPPORTED) {
    if (listed.some((each) => each.type === type))
      throw notImplemented(`A ${type} namespace is not supported`);
  }
  const hasPath = (path: string | undefined): path is string => path !== undefined && path !== '';
  const fresh = new Set(listed.filter(({ path }) => !hasPath(path)).map(({ type }) => type));
  if (!fresh.has('mount'))
    throw notImplemented('A container without a mount namespace of its own is not supported');
  const joined = new Map(listed.flatMap(({ type, path }) => (hasPath(path) ? [[type, path] as const] : [])));
  return { fresh, joined, own: new Set(listed.map(({ type }) => type)) };
}

/** CLONE_NEW* bits. */
export const namespaceFlags = (types: Iterable<NamespaceType>): number =>
  [...types].reduce((flags, type) => flags | CLONE_NEW[type], 0);

/** Opens the namespaces that are joined, while the host's paths are there. */
export function openJoined(plan: PlanBuilder, { joined }: Namespaces): ReadonlyMap<NamespaceType, Slot> {
  const open = ([type, path]: [NamespaceType, string]): [NamespaceType, Slot] => [
    type,
    plan.call(`open the ${type} namespace "${path}"`, 'openat', [AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0], {
      save: true,
    }),
  ];
  return new Map([...joined].map(open));
}

/** Joins those, all but the pid namespace: that one only a fork enters. */
export function joinOpened(plan: PlanBuilder, opened: ReadonlyMap<NamespaceType, Slot>): void {
  for (const [type, slot] of opened) {
    if (type === 'pid') continue;
    plan.call(`join the ${type} namespace`, 'setns', [slot, CLONE_NEW[type]]);
    plan.close(slot);
  }
}
