import { notImplemented } from '../../common/errors.ts';
import { isDigest } from '../digest.ts';
import type { Scope } from './scope.ts';
import { absent, malformed, taken } from './errors.ts';
import { setLabels, type Labels } from './labels.ts';
import type { Rows } from './rows.ts';

/** What a lease holds: `content` by digest, `ingests` and `images` by name, `snapshots/overlayfs` by key. */
export interface Resource {
  readonly type: string;
  readonly id: string;
}

export interface Lease {
  readonly id: string;
  readonly labels: Labels;
  readonly createdAt: Date;
}

/** As its row has it. */
export interface StoredLease {
  readonly labels: Labels;
  readonly createdAt: string;
  readonly resources: readonly Resource[];
}

/** What a lease names is not collected while the lease is there, and what that leads to. */
export interface Leases {
  list(namespace: string): readonly Lease[];
  /** Throws `already-exists`. */
  create(namespace: string, id: string, labels: Labels): Lease;
  /** Throws `not-found`, as do all below: `lease "x": not found`. */
  delete(namespace: string, id: string): void;
  /** Throws `invalid-argument`, and `not-implemented` for a type that is none. */
  add(namespace: string, id: string, resource: Resource): void;
  drop(namespace: string, id: string, resource: Resource): void;
  resources(namespace: string, id: string): readonly Resource[];
}

export function makeLeases(rows: Rows<StoredLease>, onDelete: () => void): Leases {
  const find = (namespace: string, id: string): StoredLease => {
    const found = rows.get(namespace, id);
    if (found === undefined) throw absent(`lease "${id}"`);
    return found;
  };
  const without = (resources: readonly Resource[], { type, id }: Resource): Resource[] =>
    resources.filter((each) => each.type !== type || each.id !== id);
  return {
    list: (namespace) => rows.list(namespace).map(({ name, value }) => leaseOf(name, value)),
    create: (namespace, id, labels) => {
      if (rows.get(namespace, id) !== undefined) throw taken(`lease "${id}"`);
      const stored = { labels: setLabels(labels), createdAt: new Date().toISOString(), resources: [] };
      rows.put(namespace, id, stored);
      return leaseOf(id, stored);
    },
    delete: (namespace, id) => {
      if (!rows.remove(namespace, id)) throw absent(`lease "${id}"`);
      onDelete();
    },
    add: (namespace, id, resource) => {
      const lease = find(namespace, id);
      checkResource(resource);
      rows.put(namespace, id, { ...lease, resources: [...without(lease.resources, resource), resource] });
    },
    drop: (namespace, id, resource) => {
      const lease = find(namespace, id);
      checkResource(resource);
      rows.put(namespace, id, { ...lease, resources: without(lease.resources, resource) });
    },
    resources: (namespace, id) => [...find(namespace, id).resources].toSorted(inOrder),
  };
}

/** Who makes something under a lease has the lease hold it. */
export interface LeaseHolder {
  /** Throws `not-found` for a lease that is gone: `lease does not exist: not found`. */
  keep(scope: Scope, resource: Resource): void;
  drop(scope: Scope, resource: Resource): void;
}

export function makeLeaseHolder(leases: Leases, rows: Rows<StoredLease>): LeaseHolder {
  return {
    keep: ({ namespace, lease }, resource) => {
      if (lease === undefined) return;
      if (rows.get(namespace, lease) === undefined) throw absent('lease does not exist');
      leases.add(namespace, lease, resource);
    },
    drop: ({ namespace, lease }, resource) => {
      if (lease !== undefined && rows.get(namespace, lease) !== undefined)
        leases.drop(namespace, lease, resource);
    },
  };
}

const leaseOf = (id: string, { labels, createdAt }: StoredLease): Lease => ({
  ...{ id, labels },
  createdAt: new Date(createdAt),
});

const TYPES = ['content', 'images', 'ingests', 'snapshots'];

function checkResource({ type, id }: Resource): void {
  const [kind = '', ...rest] = type.split('/');
  if (!TYPES.includes(kind)) throw notImplemented(`resource type ${type} not supported yet: not implemented`);
  if (kind === 'snapshots' && rest.length !== 1) throw malformed(`invalid snapshot resource type ${type}`);
  if (kind !== 'snapshots' && rest.length > 0) throw malformed(`invalid resource type ${type}`);
  if (kind === 'content' && !isDigest(id))
    throw malformed(`invalid content resource id ${id}: invalid checksum digest format`);
}

function inOrder(a: Resource, b: Resource): number {
  const [left, right] = [a, b].map(
    ({ type, id }) => `${TYPES.indexOf(type.split('/')[0] ?? '')} ${type} ${id}`,
  );
  return (left ?? '') < (right ?? '') ? -1 : 1;
}
