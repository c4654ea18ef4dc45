import { type Entry, type Group, hidden } from '../command.ts';

const contextCreate: Entry = {
  summary: 'Create a context',
  load: async () => (await import('../commands/context-create.ts')).contextCreate,
};
const contextExport: Entry = {
  summary: 'Export a context to a tar archive FILE or a tar stream on STDOUT',
  load: async () => (await import('../commands/context-export.ts')).contextExport,
};
const contextImport: Entry = {
  summary: 'Import a context from a tar file',
  load: async () => (await import('../commands/context-import.ts')).contextImport,
};
const contextInspect: Entry = {
  summary: 'Display detailed information on one or more contexts',
  load: async () => (await import('../commands/context-inspect.ts')).contextInspect,
};
const contextLs: Entry = {
  summary: 'List contexts',
  aliases: 'context ls, context list',
  load: async () => (await import('../commands/context-ls.ts')).contextLs,
};
const contextRm: Entry = {
  summary: 'Remove one or more contexts',
  aliases: 'context rm, context remove',
  load: async () => (await import('../commands/context-rm.ts')).contextRm,
};
const contextShow: Entry = {
  summary: 'Print the name of the current context',
  load: async () => (await import('../commands/context-show.ts')).contextShow,
};
const contextUpdate: Entry = {
  summary: 'Update a context',
  load: async () => (await import('../commands/context-update.ts')).contextUpdate,
};
const contextUse: Entry = {
  summary: 'Set the current context',
  load: async () => (await import('../commands/context-use.ts')).contextUse,
};

/** `wherry context X`. */
export const context: Group = {
  summary: 'Manage contexts: which daemon is spoken to',
  commands: {
    ...{ create: contextCreate, export: contextExport, import: contextImport, inspect: contextInspect },
    ...{ ls: contextLs, rm: contextRm, show: contextShow, update: contextUpdate, use: contextUse },
    ...{ list: hidden(contextLs), remove: hidden(contextRm) },
  },
};
