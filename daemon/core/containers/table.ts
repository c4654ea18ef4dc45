import { invalidArgument, notFound } from '../../../common/errors.ts';
import type { ContainerStore } from '../../store/containers.ts';
import type { Attachment, Shim } from '../../../shim/contract.ts';
import type { ForeignRuntime } from '../../../runtime/foreign/contract.ts';
import type { Spec } from '../../../runtime/spec.ts';
import type { Container, ContainerState } from '../contract.ts';
import type { RestartRecord } from '../restarts/contract.ts';
import { createWaiters, type Waiters } from './waiters.ts';
import { createWatchers } from './watchers.ts';

/** What of a container stays the same: its row's `container`. */
export type Fixed = Omit<
  Container,
  | 'name'
  | 'state'
  | 'restarts'
  | 'overlay'
  | 'sandbox'
  | 'sandboxKey'
  | 'ports'
  | 'execIds'
  | 'health'
  | 'logLoss'
>;

/** One start of a container, until its exit. */
export interface Run {
  readonly shim: Shim;
  /** What it was started with; undefined after a restart of the daemon, until somebody needs it. */
  spec: Spec | undefined;
  /** Whose it is; undefined: our own runtime's. */
  readonly runtime: ForeignRuntime | undefined;
  /** Resolves when the exit has been recorded and published. */
  readonly ended: Promise<void>;
  /** It is being restarted: its end does not remove it, whatever `--rm` says. */
  keep: boolean;
  /** SIGKILL is on its way: it is not to be paused any more, since what is frozen does not die. */
  killed: boolean;
  /** A client ends it: its policy does not start it again. */
  stopped: boolean;
}

/** A container as the engine holds it. `view` is what everybody reads; only `advance` and `publish` replace it. */
export interface Entry {
  readonly id: string;
  view: Container;
  run: Run | undefined;
  /** Clients that attached before the start. */
  pending: Attachment[];
  readonly waiters: Waiters;
  /** What the last run left to clear away; a new start and the removal wait for it. */
  cleared: Promise<void>;
}

export interface ContainerTable {
  all(): IterableIterator<Entry>;
  byId(id: string): Entry | undefined;
  nameOwner(name: string): string | undefined;
  /** By id, name with or without slash, or unique id prefix. Throws `not-found` `No such container: x`. */
  find(reference: string): Entry;
  /** Writes the row, then shows the container. The caller has made sure that the name is free. */
  insert(view: Container): Entry;
  /** Shows a container that has a row already. */
  adopt(view: Container): Entry;
  /**
   * Compare and set: writes and publishes the state if the present one is of a kind in `from`. False: another event won.
   * `change` is published along with it, its restart record is written too.
   */
  advance(
    entry: Entry,
    from: readonly ContainerState['kind'][],
    next: { readonly state: ContainerState; readonly change?: Partial<Container> },
  ): boolean;
  /** Publishes what no row holds; a state only when its row could not be written. */
  publish(entry: Entry, change: Partial<Omit<Container, 'name'>>): void;
  /** Writes and publishes what its next restart depends on. */
  record(entry: Entry, restarts: RestartRecord): void;
  rename(entry: Entry, name: string): void;
  /** Writes and publishes a changed configuration, and with it what it mounts. */
  reconfigure(entry: Entry, config: Container['config'], mounts?: Container['mounts']): void;
  /** Calls the listener at every change of what is shown, after it. It must not throw. */
  watch(listener: () => void): Disposable;
  /** Deletes the row and forgets the container. */
  remove(entry: Entry): void;
}

export function createContainerTable(
  store: ContainerStore<Fixed, ContainerState, RestartRecord>,
): ContainerTable {
  const entries = new Map<string, Entry>();
  const names = new Map<string, string>();
  const { watch, tell } = createWatchers();

  const adopt = (view: Container): Entry => {
    const entry = newEntry(view);
    entries.set(view.id, entry);
    names.set(view.name, view.id);
    return entry;
  };
  return {
    all: () => entries.values(),
    byId: (id) => entries.get(id),
    nameOwner: (name) => names.get(name),
    find: (reference) => {
      const id = entries.has(reference) ? reference : names.get(reference.replace(/^\//, ''));
      const entry = id === undefined ? byPrefix(entries, reference) : entries.get(id);
      if (entry === undefined) throw notFound(`No such container: ${reference}`);
      return entry;
    },
    insert: (view) => {
      const { id, name, state, restarts } = view;
      store.insert({ id, name, container: fixedPart(view), state, restarts });
      return adopt(view);
    },
    adopt,
    advance: (entry, from, { state, change }) => {
      if (!from.includes(entry.view.state.kind)) return false;
      store.setState(entry.id, state, change?.restarts ?? entry.view.restarts);
      entry.view = { ...entry.view, ...change, state };
      tell();
      return true;
    },
    publish: (entry, change) => {
      entry.view = { ...entry.view, ...change };
      tell();
    },
    record: (entry, restarts) => {
      store.setState(entry.id, entry.view.state, restarts);
      entry.view = { ...entry.view, restarts };
    },
    rename: (entry, name) => {
      store.setName(entry.id, name);
      names.delete(entry.view.name);
      names.set(name, entry.id);
      entry.view = { ...entry.view, name };
    },
    reconfigure: (entry, config, mounts = entry.view.mounts) => {
      const view = { ...entry.view, config, mounts };
      store.setContainer(entry.id, fixedPart(view));
      entry.view = view;
    },
    remove: (entry) => {
      store.remove(entry.id);
      entries.delete(entry.id);
      names.delete(entry.view.name);
      tell();
    },
    watch,
  };
}

const newEntry = (view: Container): Entry => ({
  id: view.id,
  view,
  run: undefined,
  pending: [],
  waiters: createWaiters(),
  cleared: Promise.resolve(),
});

function fixedPart(view: Container): Fixed {
  const {
    name: _name,
    state: _state,
    restarts: _restarts,
    overlay: _overlay,
    sandbox: _sandbox,
    sandboxKey: _sandboxKey,
    ports: _ports,
    execIds: _execIds,
    health: _health,
    logLoss: _logLoss,
    ...fixed
  } = view;
  return fixed;
}

function byPrefix(entries: ReadonlyMap<string, Entry>, prefix: string): Entry | undefined {
  if (prefix === '') throw invalidArgument('invalid name or ID supplied: ""');
  if (!/^[0-9a-f]{1,64}$/.test(prefix)) return undefined;
  const found: Entry[] = [];
  for (const entry of entries.values()) {
    if (entry.id.startsWith(prefix)) found.push(entry);
    if (found.length > 1) throw invalidArgument(`multiple IDs found with provided prefix: ${prefix}`);
  }
  return found[0];
}
