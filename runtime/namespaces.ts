import { notImplemented } from '../common/errors.ts';
import type { PlanBuilder } from './plan/builder.ts';
import { AT_FDCWD, CLONE_NEW, O_CLOEXEC, O_RDONLY } from './plan/constants.ts';
import type { Slot } from './plan/types.ts';
import type { NamespaceType, Spec } from './spec.ts';

/** How a container stands to each namespace: a fresh one, somebody's by path, or the host's (not listed). */
export interface Namespaces {
  readonly fresh: ReadonlySet<NamespaceType>;
  readonly joined: ReadonlyMap<NamespaceType, string>;
  /** Both kinds: what is not the host's. */
  readonly own: ReadonlySet<NamespaceType>;
}

/** Sorts the namespaces of a specification. Throws `not-implemented` without a mount namespace. */
export function namespacesOf(spec: Spec): Namespaces {
  const listed = spec.linux.namespaces;
  const hasPath = (path: string | undefined): path is string => path !== undefined && path !== '';
  const fresh = new Set(listed.filter(({ path }) => !hasPath(path)).map(({ type }) => type));
  const joined = new Map(listed.flatMap(({ type, path }) => (hasPath(path) ? [[type, path] as const] : [])));
  const own = new Set(listed.map(({ type }) => type));
  if (!own.has('mount'))
    throw notImplemented('A container without a mount namespace of its own is not supported');
  return { fresh, joined, own };
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

/** Those that are entered before the fork: of a pid namespace only children are members, a user namespace owns what is made later. */
const BEFORE_THE_FORK: readonly NamespaceType[] = ['pid', 'user'];

/** In the parent: the user namespace last, for the pid namespace may be another's. */
export function joinBeforeFork(plan: PlanBuilder, opened: ReadonlyMap<NamespaceType, Slot>): void {
  for (const type of BEFORE_THE_FORK) {
    const slot = opened.get(type);
    if (slot !== undefined) plan.call(`join the ${type} namespace`, 'setns', [slot, CLONE_NEW[type]]);
  }
}

/** In the child: the rest. */
export function joinOpened(plan: PlanBuilder, opened: ReadonlyMap<NamespaceType, Slot>): void {
  for (const [type, slot] of opened) {
    if (!BEFORE_THE_FORK.includes(type))
      plan.call(`join the ${type} namespace`, 'setns', [slot, CLONE_NEW[type]]);
    plan.close(slot);
  }
}
