import type { Group } from './command.ts';
import { socketFlag } from './global-flags.ts';
import { refusedCommand } from './refused.ts';
import { snapshots } from './snapshots/group.ts';

const SHIM = "Wherry's shims have another door";

/** Every command there is, under ctr's names. */
export const root: Group = {
  summary: "Speaks to containerd's API, Wherry's or any other, past everything that is above it",
  commands: {
    containers: {
      summary: 'manage containers',
      also: ['c', 'container'],
      commands: {
        checkpoint: {
          summary: 'checkpoint a container',
          load: async () => (await import('./containers/checkpoint.ts')).checkpoint,
        },
        restore: {
          summary: 'restore a container from checkpoint',
          load: async () => (await import('./containers/restore.ts')).restore,
        },
        create: {
          summary: 'create container',
          load: async () => (await import('./containers/commands.ts')).create,
        },
        delete: {
          summary: 'delete one or more existing containers',
          also: ['del', 'remove', 'rm'],
          load: async () => (await import('./containers/commands.ts')).remove,
        },
        info: {
          summary: 'get info about a container',
          load: async () => (await import('./containers/commands.ts')).info,
        },
        list: {
          summary: 'list containers',
          also: ['ls'],
          load: async () => (await import('./containers/commands.ts')).list,
        },
        label: {
          summary: 'set and clear labels for a container',
          load: async () => (await import('./containers/commands.ts')).label,
        },
      },
    },
    content: {
      summary: 'manage content',
      commands: {
        active: {
          summary: 'display active transfers',
          load: async () => (await import('./content/commands.ts')).active,
        },
        delete: {
          summary: 'permanently delete one or more blobs',
          also: ['del', 'remove', 'rm'],
          load: async () => (await import('./content/commands.ts')).remove,
        },
        edit: {
          summary: 'edit a blob and return a new digest',
          load: async () => (await import('./content/edit.ts')).edit,
        },
        fetch: {
          summary: 'fetch all content for an image into containerd',
          load: async () => (await import('./images/pull.ts')).fetchContent,
        },
        'fetch-object': {
          summary: 'retrieve objects from a remote',
          load: async () => (await import('./content/objects.ts')).fetchObject,
        },
        get: {
          summary: 'get the data for an object',
          load: async () => (await import('./content/commands.ts')).get,
        },
        ingest: {
          summary: 'accept content into the store',
          load: async () => (await import('./content/commands.ts')).ingest,
        },
        list: {
          summary: 'list all blobs in the store',
          also: ['ls'],
          load: async () => (await import('./content/commands.ts')).list,
        },
        'push-object': {
          summary: 'push an object to a remote',
          load: async () => (await import('./content/objects.ts')).pushObject,
        },
        label: {
          summary: 'add labels to content',
          load: async () => (await import('./content/commands.ts')).label,
        },
        prune: {
          summary: 'prunes content from the content store',
          commands: {
            references: {
              summary: 'prunes preference labels from the content store (layers only by default)',
              load: async () => (await import('./content/prune.ts')).pruneReferences,
            },
          },
        },
      },
    },
    events: {
      summary: 'display containerd events',
      also: ['event'],
      load: async () => (await import('./events.ts')).events,
    },
    images: {
      summary: 'manage images',
      also: ['image', 'i'],
      commands: {
        check: {
          summary: 'check existing images to ensure all content is available locally',
          load: async () => (await import('./images/commands.ts')).check,
        },
        convert: {
          summary: 'convert an image',
          load: async () => (await import('./images/convert.ts')).convert,
        },
        export: {
          summary: 'export images',
          load: async () => (await import('./images/export.ts')).exportImages,
        },
        import: {
          summary: 'import images',
          load: async () => (await import('./images/import.ts')).importImages,
        },
        list: {
          summary: 'list images known to containerd',
          also: ['ls'],
          load: async () => (await import('./images/commands.ts')).list,
        },
        mount: {
          summary: 'mount an image to a target path',
          load: async () => (await import('./images/mount.ts')).mount,
        },
        unmount: {
          summary: 'unmount the image from the target',
          load: async () => (await import('./images/mount.ts')).unmount,
        },
        pull: {
          summary: 'pull an image from a remote',
          load: async () => (await import('./images/pull.ts')).pull,
        },
        push: {
          summary: 'push an image to a remote',
          load: async () => (await import('./images/push.ts')).push,
        },
        delete: {
          summary: 'remove one or more images by reference',
          also: ['del', 'remove', 'rm'],
          load: async () => (await import('./images/commands.ts')).remove,
        },
        tag: { summary: 'tag an image', load: async () => (await import('./images/commands.ts')).tag },
        label: {
          summary: 'set and clear labels for an image',
          load: async () => (await import('./images/commands.ts')).label,
        },
      },
    },
    install: refusedCommand('programs come as packages, not as images that write into /opt of the host'),
    leases: {
      summary: 'manage leases',
      commands: {
        list: {
          summary: 'list all active leases',
          also: ['ls'],
          load: async () => (await import('./leases/commands.ts')).list,
        },
        create: { summary: 'create lease', load: async () => (await import('./leases/commands.ts')).create },
        delete: {
          summary: 'delete a lease',
          also: ['del', 'remove', 'rm'],
          load: async () => (await import('./leases/commands.ts')).remove,
        },
      },
    },
    namespaces: {
      summary: 'manage namespaces',
      also: ['namespace', 'ns'],
      commands: {
        create: {
          summary: 'create a new namespace',
          also: ['c'],
          load: async () => (await import('./namespaces/commands.ts')).create,
        },
        list: {
          summary: 'list namespaces',
          also: ['ls'],
          load: async () => (await import('./namespaces/commands.ts')).list,
        },
        remove: {
          summary: 'remove one or more namespaces',
          also: ['rm'],
          load: async () => (await import('./namespaces/commands.ts')).remove,
        },
        label: {
          summary: 'set and clear labels for a namespace',
          load: async () => (await import('./namespaces/commands.ts')).label,
        },
      },
    },
    oci: {
      summary: 'OCI tools',
      commands: {
        spec: {
          summary: 'output the default OCI spec',
          load: async () => (await import('./oci.ts')).spec,
        },
      },
    },
    plugins: {
      summary: 'provides information about containerd plugins',
      also: ['plugin'],
      commands: {
        list: {
          summary: 'lists containerd plugins',
          also: ['ls'],
          load: async () => (await import('./plugins.ts')).list,
        },
      },
    },
    pprof: {
      summary: 'provide profiles of a daemon, golang or V8 ones',
      flags: socketFlag,
      commands: {
        block: {
          summary: 'goroutine blocking profile',
          load: async () => (await import('./pprof.ts')).block,
        },
        goroutines: {
          summary: 'dump goroutine stack dump',
          load: async () => (await import('./pprof.ts')).goroutines,
        },
        heap: { summary: 'dump heap profile', load: async () => (await import('./pprof.ts')).heap },
        profile: { summary: 'CPU profile', load: async () => (await import('./pprof.ts')).profile },
        threadcreate: {
          summary: 'goroutine thread creating profile',
          load: async () => (await import('./pprof.ts')).threadcreate,
        },
        trace: { summary: 'collect execution trace', load: async () => (await import('./pprof.ts')).trace },
      },
    },
    run: { summary: 'run a container', load: async () => (await import('./run.ts')).run },
    shim: {
      summary: 'interact with a shim directly, also without a daemon',
      commands: {
        state: {
          summary: 'show what a shim knows and what the kernel says',
          load: async () => (await import('./shim/commands.ts')).state,
        },
        attach: {
          summary: "serve the container's streams",
          load: async () => (await import('./shim/commands.ts')).attach,
        },
        signal: {
          summary: 'send a signal to the process',
          also: ['kill'],
          load: async () => (await import('./shim/commands.ts')).signal,
        },
        log: {
          summary: 'show where the log stands, and its last lines',
          load: async () => (await import('./shim/commands.ts')).log,
        },
        list: {
          summary: 'list the shims of an exec root',
          also: ['ls'],
          load: async () => (await import('./shim/commands.ts')).list,
        },
        delete: refusedCommand(`${SHIM}: tasks delete`),
        exec: refusedCommand(`${SHIM}: tasks exec`),
        start: refusedCommand(`${SHIM}: tasks start`),
      },
    },
    snapshots,
    tasks: {
      summary: 'manage tasks',
      also: ['t', 'task'],
      commands: {
        attach: {
          summary: 'attach to the IO of a running container',
          load: async () => (await import('./tasks/exec.ts')).attach,
        },
        checkpoint: {
          summary: 'checkpoint a container',
          load: async () => (await import('./tasks/checkpoint.ts')).checkpoint,
        },
        delete: {
          summary: 'delete one or more tasks',
          also: ['del', 'remove', 'rm'],
          load: async () => (await import('./tasks/remove.ts')).remove,
        },
        exec: {
          summary: 'execute additional processes in an existing container',
          load: async () => (await import('./tasks/exec.ts')).exec,
        },
        list: {
          summary: 'list tasks',
          also: ['ls'],
          load: async () => (await import('./tasks/commands.ts')).list,
        },
        kill: {
          summary: 'signal a container (default: SIGTERM)',
          load: async () => (await import('./tasks/commands.ts')).kill,
        },
        pause: {
          summary: 'pause an existing container',
          load: async () => (await import('./tasks/commands.ts')).pause,
        },
        ps: {
          summary: 'list processes for container',
          load: async () => (await import('./tasks/commands.ts')).ps,
        },
        resume: {
          summary: 'resume a paused container',
          load: async () => (await import('./tasks/commands.ts')).resume,
        },
        start: {
          summary: 'start a container that has been created',
          load: async () => (await import('./tasks/start.ts')).start,
        },
        metrics: {
          summary: 'get a single data point of metrics for a task',
          also: ['metric'],
          load: async () => (await import('./tasks/metrics.ts')).metrics,
        },
      },
    },
    version: {
      summary: 'print the client and server versions',
      load: async () => (await import('./version.ts')).version,
    },
  },
};
