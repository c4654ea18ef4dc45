import type { WorkerPool } from '../../../image/workers/pool.ts';
import type { Core } from '../core.ts';
import { onContainer } from '../operations/on-container.ts';
import type { ContainerFiles } from './contract.ts';
import { copyIn } from './copy-in.ts';
import { copyOut, status } from './copy-out.ts';

/** The verbs, each from its own file. `workers` run what touches a container's files, and nothing else. */
export const makeContainerFiles = (core: Core, workers: WorkerPool): ContainerFiles => ({
  status: (ctx, reference, path) => status({ core, workers }, ctx, { reference, path }),
  copyOut: (ctx, reference, path) =>
    onContainer(core, { ctx, name: 'copy out', reference }, (own) =>
      copyOut({ core, workers }, own, { reference, path }),
    ),
  copyIn: (ctx, reference, request) =>
    onContainer(core, { ctx, name: 'copy in', reference }, (own) =>
      copyIn({ core, workers }, own, { reference, request }),
    ),
});
