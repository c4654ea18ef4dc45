import type { Verb } from './verb.ts';

export interface VerbEntry {
  readonly summary: string;
  readonly load: () => Promise<Verb>;
}

/** Each in its file, loaded when it is called. */
export const verbs: Readonly<Record<string, VerbEntry>> = {
  checkpoint: {
    summary: 'Write a running container into images, by CRIU',
    load: async () => (await import('./verbs/checkpoint.ts')).entry,
  },
  create: { summary: 'Create a container', load: async () => (await import('./verbs/create.ts')).entry },
  delete: {
    summary: 'Delete a container and what it holds',
    load: async () => (await import('./verbs/delete.ts')).entry,
  },
  events: {
    summary: 'Print a container’s statistics, and when it is out of memory',
    load: async () => (await import('./verbs/events.ts')).entry,
  },
  exec: {
    summary: 'Run a further process in a container',
    load: async () => (await import('./verbs/exec.ts')).entry,
  },
  features: {
    summary: 'Print what this runtime recognises',
    load: async () => (await import('./verbs/features.ts')).entry,
  },
  kill: {
    summary: 'Send a signal to a container’s init',
    load: async () => (await import('./verbs/kill.ts')).entry,
  },
  list: { summary: 'List containers', load: async () => (await import('./verbs/list.ts')).entry },
  pause: {
    summary: 'Stop the processes of a container',
    load: async () => (await import('./verbs/pause.ts')).entry,
  },
  ps: {
    summary: 'List the processes of a container',
    load: async () => (await import('./verbs/ps.ts')).entry,
  },
  restore: {
    summary: 'Make a container of a checkpoint, by CRIU',
    load: async () => (await import('./verbs/restore.ts')).entry,
  },
  resume: {
    summary: 'Let the processes of a paused container go on',
    load: async () => (await import('./verbs/resume.ts')).entry,
  },
  run: { summary: 'Create and run a container', load: async () => (await import('./verbs/run.ts')).entry },
  spec: {
    summary: 'Write a configuration to begin with, or print a container’s launch plan',
    load: async () => (await import('./verbs/spec.ts')).entry,
  },
  start: {
    summary: 'Run the program of a created container',
    load: async () => (await import('./verbs/start.ts')).entry,
  },
  state: {
    summary: 'Print a container’s state',
    load: async () => (await import('./verbs/state.ts')).entry,
  },
  update: {
    summary: 'Change the limits of a container',
    load: async () => (await import('./verbs/update.ts')).entry,
  },
};
