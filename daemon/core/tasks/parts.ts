import { join } from 'node:path';
import type { ForeignContainer } from '../../../runtime/foreign/contract.ts';
import type { ContainerRecords } from '../containerd/contract.ts';
import type { Core } from '../core.ts';
import { runtimePath } from '../runtimes/choose.ts';
import type { ProcessEntry } from './process.ts';

/** What the verbs of tasks work with. */
export interface TaskParts {
  readonly core: Core;
  readonly records: ContainerRecords;
}

export const bundleOf = ({ paths }: Core, { key }: Pick<ProcessEntry, 'key'>): string =>
  `${paths.shim(key)}/bundle`;

/** A task as its runtime knows it. */
export function runtimeContainer(core: Core, entry: ProcessEntry): ForeignContainer {
  const { binary = '', flags = [], root } = entry.fixed.task ?? {};
  const { path, args } = binary === '' ? core.ownRuntime : { path: binary, args: [] };
  return {
    id: entry.ref.id,
    runtime: { path, args: [...args, ...flags] },
    bundle: bundleOf(core, entry),
    root: root === undefined ? core.paths.runtime(entry.ref.namespace) : join(root, entry.ref.namespace),
    env: [`PATH=${runtimePath()}`],
  };
}
