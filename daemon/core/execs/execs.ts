import type { Execs } from '../contract.ts';
import type { Core } from '../core.ts';
import { onContainer } from '../operations/on-container.ts';
import { createExec } from './create.ts';
import { resizeExec } from './resize.ts';
import { startExec } from './start.ts';

/** The verbs, each from its own file. */
export const makeExecs = (core: Core): Execs => ({
  create: (ctx, request) => createExec(core, ctx, request),
  get: (id) => core.execTable.find(id).view,
  start: (ctx, id, options) =>
    onContainer(core, { ctx, name: 'exec', reference: containerOf(core, id) }, (own) =>
      startExec(core, own, { id, options }),
    ),
  resize: (ctx, id, size) => resizeExec(core, ctx, { id, size }),
});

/** Empty for an exec that nobody knows, or that has ended. */
const containerOf = ({ execTable }: Core, id: string): string =>
  execTable.isLive(id) ? execTable.find(id).view.containerId : '';
