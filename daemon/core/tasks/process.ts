import { createHash } from 'node:crypto';
import type { Shim } from '../../../shim/contract.ts';
import type { ProcessExit, ProcessRef, RootMount, TaskStdio } from './contract.ts';

/** What a process's row says; a `creating` or `starting` one may have a shim already. */
export type ProcessState =
  | { readonly kind: 'creating' }
  /** `pid` 0: of an exec, and of a task that a checkpoint will be. */
  | { readonly kind: 'created'; readonly pid: number }
  | { readonly kind: 'starting'; readonly pid: number }
  | { readonly kind: 'running'; readonly pid: number }
  | { readonly kind: 'paused'; readonly pid: number }
  | { readonly kind: 'stopped'; readonly pid: number; readonly code: number; readonly at: string };

/** What of it never changes. */
export interface FixedProcess {
  readonly stdio: TaskStdio;
  readonly task?: FixedTask;
  /** Of an exec: JSON of runtime-spec's Process. */
  readonly process?: string;
}

/** Of a task. */
export interface FixedTask {
  /** The runtime's program; '' for our own. */
  readonly binary: string;
  readonly flags: readonly string[];
  /** Where the client wants the runtime's state. */
  readonly root?: string;
  /** Below each controller; unset: the runtime's affair. */
  readonly cgroupsPath?: string;
  /** Processes that outlive the first are nobody's then. */
  readonly sharesPids: boolean;
  /** What `start` restores, and onto which root. Images that came as content are the task's own, and go with it. */
  readonly checkpoint?: { readonly images: string; readonly rootfs: readonly RootMount[] };
}

export interface StoredProcess extends FixedProcess {
  readonly state: ProcessState;
}

/** A process as the engine holds it. */
export interface ProcessEntry {
  readonly ref: ProcessRef;
  /** Name of its shim's directory, and its lock. */
  readonly key: string;
  readonly fixed: FixedProcess;
  state: ProcessState;
  /** While it lives. */
  shim: Shim | undefined;
  /** What is being done with it: its end is told of afterwards. */
  busy: Promise<unknown>;
  /** Resolves when its end is recorded. */
  readonly ended: PromiseWithResolvers<ProcessExit>;
}

/** Where the shim of a container of containerd's API is, or of one of its execs: who knows the names finds it without a daemon. */
export const shimKeyOf = ({ namespace, id, execId }: ProcessRef): string =>
  createHash('sha256')
    .update(execId === undefined ? `${namespace}/${id}` : `${namespace}/${id}/${execId}`)
    .digest('hex');
