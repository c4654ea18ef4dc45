import type { Ctx } from '../../../common/ctx.ts';
import type { Containers } from '../contract.ts';
import type { Core } from '../core.ts';
import { edit } from '../edit/edit.ts';
import { onContainer, type Verb } from '../operations/on-container.ts';
import { untilRead } from '../operations/until-read.ts';
import { planContainer } from '../plan/plan.ts';
import { attach, checkAttach } from './attach.ts';
import { commit } from './commit.ts';
import { create } from './create.ts';
import { changes, exportRoot } from './export.ts';
import { kill } from './kill.ts';
import { logs } from './logs.ts';
import { pause } from './pause.ts';
import { remove } from './remove.ts';
import { rename } from './rename.ts';
import { resize } from './resize.ts';
import { restart } from './restart.ts';
import { start } from './start.ts';
import { sample, stats } from './stats.ts';
import { stop } from './stop.ts';
import { top } from './top.ts';
import { unpause } from './unpause.ts';
import { update } from './update.ts';
import { wait } from './wait.ts';

/** The verbs, each from its own file. */
export function makeContainers(core: Core): Containers {
  const { table } = core;
  const as = <T>(verb: Verb, work: (ctx: Ctx) => Promise<T>): Promise<T> => onContainer(core, verb, work);
  return {
    list: () => [...table.all()].map(({ view }) => view),
    get: (reference) => table.find(reference).view,
    checkAttach: (reference, detachKeys) => checkAttach(core, reference, detachKeys),
    create: (ctx, request) => create(core, ctx, request),
    plan: (ctx, asked) => planContainer(core, ctx, asked),
    start: (ctx, reference) => as({ ctx, name: 'start', reference }, (own) => start(core, own, reference)),
    stop: (ctx, reference, options) =>
      as({ ctx, name: 'stop', reference }, (own) => stop(core, own, { reference, options })),
    restart: (ctx, reference, options) =>
      as({ ctx, name: 'restart', reference }, (own) => restart(core, own, { reference, options })),
    kill: (ctx, reference, signal) =>
      as({ ctx, name: 'kill', reference }, (own) => kill(core, own, { reference, signal })),
    pause: (ctx, reference) => as({ ctx, name: 'pause', reference }, (own) => pause(core, own, reference)),
    unpause: (ctx, reference) =>
      as({ ctx, name: 'unpause', reference }, (own) => unpause(core, own, reference)),
    top: (ctx, reference, psArguments) => top(core, ctx, { reference, psArguments }),
    stats: (ctx, reference) => stats(core, ctx, reference),
    sample: (ctx, reference) => sample(core, ctx, reference),
    update: (ctx, reference, change) =>
      as({ ctx, name: 'update', reference }, (own) => update(core, own, { reference, change })),
    edit: (ctx, asked) =>
      as({ ctx, name: 'edit', reference: asked.reference }, (own) => edit(core, own, asked)),
    rename: (ctx, reference, name) =>
      as({ ctx, name: 'rename', reference }, (own) => rename(core, own, { reference, name })),
    remove: (ctx, reference, { force, volumes }) =>
      as({ ctx, name: 'remove', reference }, (own) => remove(core, own, { reference, force, volumes })),
    resize: (ctx, reference, size) =>
      as({ ctx, name: 'resize', reference }, (own) => resize(core, own, { reference, size })),
    wait: (ctx, reference, condition) => wait(core, ctx, { reference, condition }),
    attach: (ctx, reference, request) => attach(core, ctx, { reference, request }),
    commit: (ctx, reference, request) =>
      as({ ctx, name: 'commit', reference }, (own) => commit(core, own, { reference, request })),
    export: (ctx, reference) =>
      untilRead(
        (work) => as({ ctx, name: 'export', reference }, work),
        (own) => exportRoot(core, own, reference),
      ),
    changes: (ctx, reference) =>
      as({ ctx, name: 'changes', reference }, (own) => changes(core, own, reference)),
    logs: (ctx, reference, request) => logs(core, ctx, { reference, request }),
  };
}
