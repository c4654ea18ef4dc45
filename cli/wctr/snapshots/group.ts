import type { Group } from '../command.ts';
import { snapshotterFlag } from '../global-flags.ts';

/** `wctr snapshots`. */
export const snapshots: Group = {
  summary: 'manage snapshots',
  also: ['snapshot'],
  flags: snapshotterFlag,
  commands: {
    commit: {
      summary: 'commit an active snapshot into the provided name',
      load: async () => (await import('./commands.ts')).commit,
    },
    diff: {
      summary: "get the diff of two snapshots. the default second snapshot is the first snapshot's parent.",
      load: async () => (await import('./commands.ts')).diff,
    },
    info: {
      summary: 'get info about a snapshot',
      load: async () => (await import('./commands.ts')).info,
    },
    list: {
      summary: 'list snapshots',
      also: ['ls'],
      load: async () => (await import('./commands.ts')).list,
    },
    mounts: {
      summary: 'mount gets mount commands for the snapshots',
      also: ['m', 'mount'],
      load: async () => (await import('./commands.ts')).mounts,
    },
    prepare: {
      summary: 'prepare a snapshot from a committed snapshot',
      load: async () => (await import('./commands.ts')).prepare,
    },
    delete: {
      summary: 'remove snapshots',
      also: ['del', 'remove', 'rm'],
      load: async () => (await import('./commands.ts')).remove,
    },
    label: {
      summary: 'add labels to content',
      load: async () => (await import('./commands.ts')).label,
    },
    tree: {
      summary: 'display tree view of snapshot branches',
      load: async () => (await import('./commands.ts')).tree,
    },
    unpack: {
      summary: 'unpack applies layers from a manifest to a snapshot',
      load: async () => (await import('./commands.ts')).unpack,
    },
    usage: {
      summary: 'usage snapshots',
      load: async () => (await import('./commands.ts')).usage,
    },
    view: {
      summary: 'create a read-only snapshot from a committed snapshot',
      load: async () => (await import('./commands.ts')).view,
    },
  },
};
