import type { Containers } from '../contract.ts';
import type { Core } from '../core.ts';
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
  return {
    list: () => [...table.all()].map(({ view }) => view),
    get: (reference) => table.find(reference).view,
    checkAttach: (reference, detachKeys) => checkAttach(core, reference, detachKeys),
    create: (ctx, request) => create(core, ctx, request),
    start: (ctx, reference) => start(core, ctx, reference),
    stop: (ctx, reference, options) => stop(core, ctx, { reference, options }),
    restart: (ctx, reference, options) => restart(core, ctx, { reference, options }),
    kill: (ctx, reference, signal) => kill(core, ctx, { reference, signal }),
    pause: (ctx, reference) => pause(core, ctx, reference),
    unpause: (ctx, reference) => unpause(core, ctx, reference),
    top: (ctx, reference, psArguments) => top(core, ctx, { reference, psArguments }),
    stats: (ctx, reference) => stats(core, ctx, reference),
    sample: (ctx, reference) => sample(core, ctx, reference),
    update: (ctx, reference, change) => update(core, ctx, { reference, change }),
    rename: (ctx, reference, name) => rename(core, ctx, { reference, name }),
    remove: (ctx, reference, { force, volumes }) => remove(core, ctx, { reference, force, volumes }),
    resize: (ctx, reference, size) => resize(core, ctx, { reference, size }),
    wait: (ctx, reference, condition) => wait(core, ctx, { reference, condition }),
    attach: (ctx, reference, request) => attach(core, ctx, { reference, request }),
    commit: (ctx, reference, request) => commit(core, ctx, { reference, request }),
    export: (ctx, reference) => exportRoot(core, ctx, reference),
    changes: (ctx, reference) => changes(core, ctx, reference),
    logs: (ctx, reference, request) => logs(core, ctx, { reference, request }),
  };
}
