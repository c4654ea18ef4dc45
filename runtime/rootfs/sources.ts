import { invalidArgument } from '../../common/errors.ts';
import { Label, type PlanBuilder } from '../plan/builder.ts';
import {
  AT_EMPTY_PATH,
  AT_FDCWD,
  AT_RECURSIVE,
  CLONE_NEW,
  MOUNT_ATTR,
  MS_SLAVE,
  O_CLOEXEC,
  O_RDONLY,
} from '../plan/constants.ts';
import { MOUNT_ATTR_BYTES, MOUNT_ATTR_USERNS, mountAttr } from '../plan/structs.ts';
import type { BorrowedMount } from '../contract.ts';
import type { Slot } from '../plan/types.ts';
import type { Spec } from '../spec.ts';
import { userNamespaceOf } from '../user-namespace.ts';
import { changeMount, cloneMount } from './filesystem.ts';
import { cloneSource, isBind, isMapped, parseMount, type ParsedMount } from './parse.ts';

/** What a bind has from the parent. */
export interface Source {
  /** The clone; its number is negative where the parent found nothing. */
  readonly mount: Slot | undefined;
  /** It is another process's mount: this namespace has no path to it. */
  readonly isBorrowed?: true;
  /** Whose mappings the clone that the container makes is to get; no other source has one. */
  readonly userNamespace: Slot | undefined;
}

/**
 * Prepares, in the parent and so with the host's privilege, what the container can't do for itself in binds: user namespaces for ids
 * that are mapped, and, for a container with a user namespace of its own, clones of all sources, which its root may not reach and whose
 * ids it may not map. The result is by index of the mount; `closeSources` is for the parent after the fork.
 */
export function prepareSources(
  plan: PlanBuilder,
  spec: Spec,
  borrowed: readonly BorrowedMount[] = [],
): ReadonlyMap<number, Source> {
  const hasUserNamespace = spec.linux.namespaces.some(({ type }) => type === 'user');
  const sources = new Map<number, Source>();
  const userNamespaces = new Map<string, Slot>();
  spec.mounts.forEach((mount, index) => {
    const parsed = parseMount(mount);
    const { options, label } = parsed;
    const foreign = borrowed.find(({ destination }) => destination === parsed.destination);
    if (foreign !== undefined) {
      sources.set(index, { mount: borrow(plan, foreign), userNamespace: undefined, isBorrowed: true });
      return;
    }
    const mapped = isMapped(parsed);
    if (mapped && !isBind(parsed)) throw invalidArgument(`Cannot ${label}: only a bind can map ids`);
    if (!isBind(parsed) || options.remount || !(mapped || hasUserNamespace)) return;
    const userNamespace = mapped ? userNamespaceFor(parsed) : undefined;
    if (!hasUserNamespace) {
      sources.set(index, { mount: undefined, userNamespace });
      return;
    }
    const absent = new Label();
    const source = cloneSource(
      plan,
      parsed,
      mapped ? {} : { call: { ignore: ['ENOENT'], onIgnored: absent } },
    );
    if (userNamespace !== undefined) mapIds(plan, source, { parsed, userNamespace });
    // A clone made in the host's namespace is the host's peer.
    changeMount(plan, source, { label, propagation: MS_SLAVE, recursive: true });
    plan.here(absent);
    sources.set(index, { mount: source, userNamespace: undefined });
  });
  if (hasUserNamespace) for (const slot of userNamespaces.values()) plan.close(slot);
  return sources;

  function userNamespaceFor(parsed: ParsedMount): Slot {
    const wanted = mappingsOf(parsed, spec);
    const key = JSON.stringify(wanted);
    const known = userNamespaces.get(key);
    if (known !== undefined) return known;
    const made =
      'path' in wanted
        ? plan.call(parsed.label, 'openat', [AT_FDCWD, wanted.path, O_RDONLY | O_CLOEXEC, 0], { save: true })
        : userNamespaceOf(plan, wanted);
    userNamespaces.set(key, made);
    return made;
  }
}

/**
 * A clone of what another process has mounted. Only who is in a mount namespace may clone its mounts (fs/namespace.c, may_copy_tree), so
 * the namespace is entered for that one call; its root is that process's, so no name in there leads out.
 */
function borrow(plan: PlanBuilder, { destination, from = destination, pid }: BorrowedMount): Slot {
  const open = (path: string): Slot =>
    plan.call(`open "${path}"`, 'openat', [AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0], { save: true });
  const own = open('/proc/self/ns/mnt');
  const other = open(`/proc/${pid}/ns/mnt`);
  const label = `take "${from}" of process ${pid}`;
  plan.call(`${label}: join its mount namespace`, 'setns', [other, CLONE_NEW.mount]);
  const mount = cloneMount(plan, { path: from, recursive: false, label });
  plan.call(`${label}: leave its mount namespace`, 'setns', [own, CLONE_NEW.mount]);
  plan.close(own);
  plan.close(other);
  return mount;
}

/** In the parent, right after the fork: they are the child's. The slots stay taken. */
export function closeSources(plan: PlanBuilder, sources: ReadonlyMap<number, Source>): void {
  const slots = [...sources.values()].flatMap(({ mount, userNamespace }) => [mount, userNamespace]);
  for (const slot of new Set(slots))
    if (slot !== undefined)
      plan.call("close the child's source of a mount", 'close', [slot], { ignore: ['EBADF'] });
}

const hasMappings = ({ mount: { uidMappings = [], gidMappings = [] } }: ParsedMount): boolean =>
  uidMappings.length > 0 || gidMappings.length > 0;

/** The mount's own mappings, else the container's. */
function mappingsOf(
  parsed: ParsedMount,
  { linux }: Spec,
): Parameters<typeof userNamespaceOf>[1] | { readonly path: string } {
  const own = hasMappings(parsed) ? parsed.mount : linux;
  const { uidMappings = [], gidMappings = [] } = own;
  if (uidMappings.length > 0 && gidMappings.length > 0) return { uidMappings, gidMappings };
  const path = linux.namespaces.find(({ type }) => type === 'user')?.path ?? '';
  if (hasMappings(parsed) || path === '')
    throw invalidArgument(`Cannot ${parsed.label}: mapping ids needs both uidMappings and gidMappings`);
  return { path };
}

/** man 2 mount_setattr, MOUNT_ATTR_IDMAP (Linux 5.12): for a mount that is attached nowhere yet. */
export function mapIds(
  plan: PlanBuilder,
  source: Slot,
  { parsed, userNamespace }: { readonly parsed: ParsedMount; readonly userNamespace: Slot },
): void {
  const label = `${parsed.label}: map ids`;
  const offset = plan.bytes(mountAttr({ set: MOUNT_ATTR.IDMAP }));
  plan.store(label, userNamespace, offset + MOUNT_ATTR_USERNS, 8);
  const flags = AT_EMPTY_PATH | (parsed.options.idmap === 'tree' ? AT_RECURSIVE : 0);
  plan.call(label, 'mount_setattr', [source, '', flags, { kind: 'blob', offset }, MOUNT_ATTR_BYTES]);
}
