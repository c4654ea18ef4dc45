import type { Verb } from './verb.ts';

export interface VerbEntry {
  readonly summary: string;
  readonly load: () => Promise<Verb>;
}

/** Each in its file, loaded when it is called. */
export const verbs: Readonly<Record<string, VerbEntry>> = {
  create: { summary: 'Create a container', load: async () => (await import('./verbs/create.ts')).default },
  delete: {
    summary: 'Delete a container and what it holds',
    load: async () => (await import('./verbs/delete.ts')).default,
  },
  events: {
    summary: 'Print a container’s statistics, and when it is out of memory',
    load: async () => (await import('./verbs/events.ts')).default,
  },
  exec: {
    summary: 'Run a further process in a container',
    load: async () => (await import('./verbs/exec.ts')).default,
  },
  kill: {
    summary: 'Send a signal to a container’s init',
    load: async () => (await import('./verbs/kill.ts')).default,
  },
  list: { summary: 'List containers', load: async () => (await import('./verbs/list.ts')).default },
  pause: {
    summary: 'Stop the processes of a container',
    load: async () => (await import('./verbs/pause.ts')).default,
  },
  ps: {
    summary: 'List the processes of a container',
    load: async () => (await import('./verbs/ps.ts')).default,
  },
  resume: {
    summary: 'Let the processes of a paused container go on',
    load: async () => (await import('./verbs/resume.ts')).default,
  },
  run: { summary: 'Create and run a container', load: async () => (await import('./verbs/run.ts')).default },
  start: {
    summary: 'Run the program of a created container',
    load: async () => (await import('./verbs/start.ts')).default,
  },
  state: {
    summary: 'Print a container’s state',
    load: async () => (await import('./verbs/state.ts')).default,
  },
  update: {
    summary: 'Change the limits of a container',
    load: async () => (await import('./verbs/update.ts')).default,
  },
};
