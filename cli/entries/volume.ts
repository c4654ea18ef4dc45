import { type Entry, type Group, hidden } from '../command.ts';

const volumeCreate: Entry = {
  summary: 'Create a volume',
  load: async () => (await import('../commands/volume-create.ts')).volumeCreate,
};
const volumeInspect: Entry = {
  summary: 'Display detailed information on one or more volumes',
  load: async () => (await import('../commands/inspect.ts')).volumeInspect,
};
const volumeLs: Entry = {
  summary: 'List volumes',
  aliases: 'volume ls, volume list',
  load: async () => (await import('../commands/volume-ls.ts')).volumeLs,
};
const volumeRm: Entry = {
  summary: 'Remove one or more volumes',
  aliases: 'volume rm, volume remove',
  load: async () => (await import('../commands/volume-rm.ts')).volumeRm,
};
const volumePrune: Entry = {
  summary: 'Remove unused local volumes',
  load: async () => (await import('../commands/volume-prune.ts')).volumePrune,
};
const volumeSnapshot: Entry = {
  summary: 'Keep what a volume holds now under another name',
  load: async () => (await import('../commands/volume-copy.ts')).volumeCopy,
};
const volumeClone: Entry = { ...volumeSnapshot, summary: 'Make a volume with what another holds' };

/** `wherry volume X`. */
export const volume: Group = {
  summary: 'Manage volumes',
  commands: {
    ...{ clone: volumeClone, create: volumeCreate, inspect: volumeInspect, ls: volumeLs },
    ...{ prune: volumePrune, rm: volumeRm, snapshot: volumeSnapshot },
    ...{ list: hidden(volumeLs), remove: hidden(volumeRm) },
  },
};
