import type { Collected, Node } from './contract.ts';
import type { StoredContent } from './content/content.ts';
import type { StoredImage } from './images.ts';
import type { Labels } from './labels.ts';
import type { StoredLease } from './leases.ts';
import type { Rows } from './rows.ts';
import type { StoredSnapshot } from './snapshots/stored.ts';

export interface Tables {
  readonly images: Rows<StoredImage>;
  readonly content: Rows<StoredContent>;
  readonly snapshots: Rows<StoredSnapshot>;
  readonly leases: Rows<StoredLease>;
}

const ROOT = 'containerd.io/gc.root';
const EXPIRE = 'containerd.io/gc.expire';
const FLAT = 'containerd.io/gc.flat';
const CONTENT_REF = /^containerd\.io\/gc\.ref\.content($|[./])/;
const IMAGE_REF = /^containerd\.io\/gc\.ref\.image($|[./])/;
const SNAPSHOT_REF = /^containerd\.io\/gc\.ref\.snapshot\.overlayfs($|\/)/;
const BACK_REFS: readonly (readonly [Node['kind'], RegExp])[] = [
  ['content', /^containerd\.io\/gc\.bref\.content($|[./])/],
  ['image', /^containerd\.io\/gc\.bref\.image($|[./])/],
  ['snapshot', /^containerd\.io\/gc\.bref\.snapshot\.overlayfs($|\/)/],
];

const idOf = ({ kind, namespace, name }: Node): string => `${kind}\0${namespace}\0${name}`;

/**
 * What nothing leads to: neither an image, a lease, what `more` names, nor a label that makes a root, by references in labels and from a
 * snapshot to its parent. The rules are containerd's (docs/garbage-collection.md). Leases and images that have expired are named too.
 * Changes nothing.
 */
export function findGarbage(tables: Tables, more: Iterable<Node>, now = new Date()): readonly Found[] {
  const marked = mark(tables, roots(tables, more, now));
  const garbage: Found[] = [];
  for (const { namespace, name, value } of tables.leases.all())
    if (isExpired(value.labels, now)) garbage.push({ kind: 'lease', namespace, name });
  for (const { kind, namespace, name } of everything(tables))
    if (!marked.has(idOf({ kind, namespace, name }))) garbage.push({ kind, namespace, name });
  return garbage;
}

export type Found = Collected | { readonly kind: 'lease'; readonly namespace: string; readonly name: string };

interface Labelled extends Node {
  readonly labels: Labels;
}

function* everything({ images, content, snapshots }: Tables): Generator<Labelled> {
  for (const { namespace, name, value } of images.all())
    yield { kind: 'image', namespace, name, labels: value.labels };
  for (const { namespace, name, value } of content.all())
    yield { kind: 'content', namespace, name, labels: value.labels };
  for (const { namespace, name, value } of snapshots.all())
    yield { kind: 'snapshot', namespace, name, labels: value.labels };
}

interface Root {
  readonly node: Node;
  /** Alone, without what it leads to. */
  readonly flat: boolean;
}

function* roots(tables: Tables, more: Iterable<Node>, now: Date): Generator<Root> {
  for (const node of more) yield { node, flat: false };
  for (const { namespace, value } of tables.leases.all()) {
    if (isExpired(value.labels, now)) continue;
    for (const { type, id } of value.resources) {
      const kind = kindOf(type);
      if (kind !== undefined)
        yield { node: { kind, namespace, name: id }, flat: Object.hasOwn(value.labels, FLAT) };
    }
  }
  for (const { labels, ...node } of everything(tables)) {
    const expires = Object.hasOwn(labels, EXPIRE);
    const isHeld = node.kind === 'image' ? !isExpired(labels, now) : expires && !isExpired(labels, now);
    if (isHeld || Object.hasOwn(labels, ROOT)) yield { node, flat: false };
  }
}

function kindOf(type: string): Node['kind'] | undefined {
  if (type === 'content') return 'content';
  if (type === 'images') return 'image';
  return type === 'snapshots/overlayfs' ? 'snapshot' : undefined;
}

function isExpired(labels: Labels, now: Date): boolean {
  const at = labels[EXPIRE];
  return at !== undefined && Date.parse(at) < now.getTime();
}

function mark(tables: Tables, all: Iterable<Root>): ReadonlySet<string> {
  const backward = backReferences(tables);
  const marked = new Set<string>();
  const walked = new Set<string>();
  const pending: Node[] = [];
  for (const { node, flat } of all) {
    marked.add(idOf(node));
    if (!flat) pending.push(node);
  }
  for (let node = pending.pop(); node !== undefined; node = pending.pop()) {
    const id = idOf(node);
    if (walked.has(id)) continue;
    walked.add(id);
    marked.add(id);
    pending.push(...references(tables, node), ...(backward.get(id) ?? []));
  }
  return marked;
}

function* references(tables: Tables, { kind, namespace, name }: Node): Generator<Node> {
  const labels = labelsOf(tables, { kind, namespace, name });
  if (kind === 'image') {
    const target = tables.images.get(namespace, name)?.target.digest;
    if (target !== undefined) yield { kind: 'content', namespace, name: target };
  }
  if (kind === 'snapshot') {
    const parent = tables.snapshots.get(namespace, name)?.parent ?? '';
    if (parent !== '') yield { kind: 'snapshot', namespace, name: parent };
  }
  for (const [key, value] of Object.entries(labels)) {
    if (CONTENT_REF.test(key)) yield { kind: 'content', namespace, name: value };
    if (IMAGE_REF.test(key)) yield { kind: 'image', namespace, name: value };
    if (SNAPSHOT_REF.test(key)) yield { kind: 'snapshot', namespace, name: value };
  }
}

function labelsOf({ images, content, snapshots }: Tables, { kind, namespace, name }: Node): Labels {
  switch (kind) {
    case 'image':
      return images.get(namespace, name)?.labels ?? {};
    case 'content':
      return content.get(namespace, name)?.labels ?? {};
    case 'snapshot':
      return snapshots.get(namespace, name)?.labels ?? {};
    case 'ingest':
      return {};
  }
}

/** By what they name: things whose own labels tie them to another's life. */
function backReferences(tables: Tables): ReadonlyMap<string, readonly Node[]> {
  const found = new Map<string, Node[]>();
  for (const { labels, ...node } of everything(tables)) {
    for (const [key, value] of Object.entries(labels)) {
      const kind = BACK_REFS.find(([, pattern]) => pattern.test(key))?.[0];
      if (kind === undefined) continue;
      const id = idOf({ kind, namespace: node.namespace, name: value });
      found.set(id, [...(found.get(id) ?? []), node]);
    }
  }
  return found;
}
