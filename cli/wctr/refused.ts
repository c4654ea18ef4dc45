import { defineCommand, type Entry } from './command.ts';

/** A command of ctr's that stands here for its name alone: whoever calls it is told why, and what there is instead. */
export const refusedCommand = (reason: string): Entry => ({
  summary: `not supported: ${reason}`,
  load: () =>
    Promise.resolve(
      defineCommand({
        usage: '',
        flags: {},
        run: () => Promise.reject(new Error(`not supported: ${reason}`)),
      }),
    ),
});
