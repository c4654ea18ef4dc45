import type { Group } from '../command.ts';

export const manifest: Group = {
  summary: 'Manage image manifests and manifest lists',
  commands: {
    annotate: {
      summary: 'Add additional information to a local image manifest',
      load: async () => (await import('../commands/manifest-annotate.ts')).manifestAnnotate,
    },
    create: {
      summary: 'Create a local manifest list for annotating and pushing to a registry',
      load: async () => (await import('../commands/manifest-create.ts')).manifestCreate,
    },
    inspect: {
      summary: 'Display an image manifest, or manifest list',
      load: async () => (await import('../commands/manifest-inspect.ts')).manifestInspect,
    },
    push: {
      summary: 'Push a manifest list to a repository',
      load: async () => (await import('../commands/manifest-push.ts')).manifestPush,
    },
    rm: {
      summary: 'Delete one or more manifest lists from local storage',
      load: async () => (await import('../commands/manifest-rm.ts')).manifestRm,
    },
  },
};
