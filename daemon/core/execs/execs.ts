import type { Execs } from '../contract.ts';
import type { Core } from '../core.ts';
import { createExec } from './create.ts';
import { resizeExec } from './resize.ts';
import { startExec } from './start.ts';

/** The verbs, each from its own file. */
export const makeExecs = (core: Core): Execs => ({
  create: (ctx, request) => createExec(core, ctx, request),
  get: (id) => core.execTable.find(id).view,
  start: (ctx, id, options) => startExec(core, ctx, { id, options }),
  resize: (ctx, id, size) => resizeExec(core, ctx, { id, size }),
});
