import type { DatabaseSync } from 'node:sqlite';
import { KeyedLocks } from '../../../../common/locks.ts';
import type { Kernel } from '../kernel.ts';
import { attach } from './attach.ts';
import { carrierOf } from './carrier.ts';
import { check } from './check.ts';
import type { CniConfig } from '../../../../common/cni/contract.ts';
import type { Cni } from './contract.ts';
import { detach, forget, settled } from './detach.ts';
import { createHeldNetns } from './held-netns.ts';
import { load } from './load.ts';
import { status } from './readiness.ts';
import { reconcile } from './reconcile.ts';
import { attachmentsOf, keyOf, type CniState } from './state.ts';
import { openAttachmentStore } from './store.ts';

export interface CniParts {
  readonly db: DatabaseSync;
  readonly config: CniConfig;
  readonly kernel: Kernel;
  /** `<execRoot>/cni`. */
  readonly directory: string;
}

/** The CNI networks of contract.ts. Touches only the database; call `reconcile` next. */
export function openCni({ db, config, kernel, directory }: CniParts): Cni {
  const store = openAttachmentStore(db);
  const state: CniState = {
    config,
    kernel,
    store,
    held: createHeldNetns(directory, kernel),
    locks: new KeyedLocks(),
    attachments: new Map(store.all().map((each) => [keyOf(each), each])),
    leaving: new Map(),
    collecting: new Map(),
    readiness: new Map(),
  };
  return {
    load: (options) => load(state, options),
    attach: (ctx, request) => attach(ctx, state, request),
    detach: (ctx, place) => detach(ctx, state, place),
    forget: (ctx, containerId) => forget(ctx, state, containerId),
    settled: (networkId) => settled(state, networkId),
    check: (ctx, networkId) => check(ctx, state, networkId),
    carrierOf: (place) => carrierOf(state.attachments.get(keyOf(place))),
    status: (network) => status(state, network),
    readinessOf: (networkId) => state.readiness.get(networkId),
    attachmentsOf: (containerId) => attachmentsOf(state, containerId),
    hold: async (containerId) => {
      // What is leaving has the namespace of before.
      await state.leaving.get(containerId);
      await state.held.make(containerId);
      return state.held.path(containerId);
    },
    holdOf: async (containerId, pid) => {
      await state.leaving.get(containerId);
      await state.held.adopt(containerId, pid);
    },
    heldPath: (containerId) => (state.held.isHeld(containerId) ? state.held.path(containerId) : undefined),
    reconcile: (ctx, present) => reconcile(ctx, state, present),
  };
}
