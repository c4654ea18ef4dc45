import { type Entry, type Group, hidden } from '../command.ts';

const networkCheck: Entry = {
  summary: 'Ask the plugins of CNI networks whether they are still as they made them',
  load: async () => (await import('../commands/network-check.ts')).networkCheck,
};
const networkConnect: Entry = {
  summary: 'Connect a container to a network',
  load: async () => (await import('../commands/network-connect.ts')).networkConnect,
};
const networkCreate: Entry = {
  summary: 'Create a network',
  load: async () => (await import('../commands/network-create.ts')).networkCreate,
};
const networkDisconnect: Entry = {
  summary: 'Disconnect a container from a network',
  load: async () => (await import('../commands/network-connect.ts')).networkDisconnect,
};
const networkInspect: Entry = {
  summary: 'Display detailed information on one or more networks',
  load: async () => (await import('../commands/inspect.ts')).networkInspect,
};
const networkLs: Entry = {
  summary: 'List networks',
  aliases: 'network ls, network list',
  load: async () => (await import('../commands/network-ls.ts')).networkLs,
};
const networkPrune: Entry = {
  summary: 'Remove all unused networks',
  load: async () => (await import('../commands/network-prune.ts')).networkPrune,
};
const networkRm: Entry = {
  summary: 'Remove one or more networks',
  aliases: 'network rm, network remove',
  load: async () => (await import('../commands/network-rm.ts')).networkRm,
};

/** `wherry network X`. */
export const network: Group = {
  summary: 'Manage networks',
  commands: {
    ...{ check: networkCheck, connect: networkConnect, create: networkCreate, disconnect: networkDisconnect },
    ...{ inspect: networkInspect, ls: networkLs, prune: networkPrune, rm: networkRm },
    ...{ list: hidden(networkLs), remove: hidden(networkRm) },
  },
};
