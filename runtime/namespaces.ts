import { notImplemented } from '../common/errors.ts';
import { Label, type PlanBuilder } from './plan/builder.ts';
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
const F_GETFD = 1;
const F_SETFD = 2;

/**
 * In the parent. With a user namespace goes the privilege over namespaces of the host's: where one is joined, the others are tried
 * before it, and those that belong to it are left to the child. Which those are is known only then: a descriptor whose close-on-exec
 * flag is gone has been used.
 */
export function joinBeforeFork(plan: PlanBuilder, opened: ReadonlyMap<NamespaceType, Slot>): void {
  const user = opened.get('user');
  const pid = opened.get('pid');
  if (pid !== undefined && user === undefined) join(plan, 'pid', pid);
  if (user === undefined) return;
  for (const [type, slot] of opened) if (!IN_THE_CHILD.includes(type)) tryToJoin(plan, type, slot);
  join(plan, 'user', user);
  if (pid !== undefined) unlessUsed(plan, pid, () => join(plan, 'pid', pid));
}

/** The user namespace comes after the others, and what is opened in the child is found in the host's mount namespace. */
const IN_THE_CHILD: readonly NamespaceType[] = ['user', 'mount'];

/** One that a path of the host leads to. */
export function joinNetwork(plan: PlanBuilder, path: string): void {
  const label = `open the network namespace "${path}"`;
  const slot = plan.call(label, 'openat', [AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0], { save: true });
  join(plan, 'network', slot);
  plan.close(slot);
}

const join = (plan: PlanBuilder, type: NamespaceType, slot: Slot): void =>
  void plan.call(`join the ${type} namespace`, 'setns', [slot, CLONE_NEW[type]]);

function tryToJoin(plan: PlanBuilder, type: NamespaceType, slot: Slot): void {
  const later = new Label();
  const options = { ignore: ['EPERM'], onIgnored: later };
  plan.call(`join the ${type} namespace`, 'setns', [slot, CLONE_NEW[type]], options);
  plan.call(`remember that the ${type} namespace is joined`, 'fcntl', [slot, F_SETFD, 0]);
  plan.here(later);
}

function unlessUsed(plan: PlanBuilder, slot: Slot, steps: () => void): void {
  const used = new Label();
  const options = { zeroFails: true, ignore: ['EPIPE'], onIgnored: used };
  plan.call('see whether it is joined already', 'fcntl', [slot, F_GETFD], options);
  steps();
  plan.here(used);
}

/** In the child: the rest. */
export function joinOpened(plan: PlanBuilder, opened: ReadonlyMap<NamespaceType, Slot>): void {
  const hasUser = opened.has('user');
  for (const [type, slot] of opened) {
    if (!BEFORE_THE_FORK.includes(type)) {
      const now = (): void => join(plan, type, slot);
      if (hasUser && type !== 'mount') unlessUsed(plan, slot, now);
      else now();
    }
    plan.close(slot);
  }
}
