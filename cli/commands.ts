import { context } from './entries/context.ts';
import { manifest } from './entries/manifest.ts';
import { network } from './entries/network.ts';
import { volume } from './entries/volume.ts';
import { type Entries, type Entry, type Groups, hidden } from './command.ts';

const attach: Entry = {
  summary: 'Attach local standard input, output, and error streams to a running container',
  aliases: 'container attach, attach',
  load: async () => (await import('./commands/attach.ts')).attach,
};
const create: Entry = {
  summary: 'Create a new container',
  aliases: 'container create, create',
  load: async () => (await import('./commands/create.ts')).create,
};
const edit: Entry = {
  summary: 'Change what a container was made with, live where that is possible',
  aliases: 'container edit, edit',
  load: async () => (await import('./commands/edit.ts')).edit,
};
const events: Entry = {
  summary: 'Get real time events from the server',
  aliases: 'system events, events',
  load: async () => (await import('./commands/events.ts')).events,
};
const exec: Entry = {
  summary: 'Execute a command in a running container',
  aliases: 'container exec, exec',
  common: true,
  load: async () => (await import('./commands/exec.ts')).exec,
};
const history: Entry = {
  summary: 'Show the history of an image',
  aliases: 'image history, history',
  load: async () => (await import('./commands/history.ts')).history,
};
const images: Entry = {
  summary: 'List images',
  aliases: 'image ls, image list, images',
  common: true,
  load: async () => (await import('./commands/images.ts')).images,
};
const info: Entry = {
  summary: 'Display system-wide information',
  aliases: 'system info, info',
  common: true,
  load: async () => (await import('./commands/info.ts')).info,
};
const inspect: Entry = {
  summary: 'Return low-level information on objects of the engine',
  load: async () => (await import('./commands/inspect.ts')).inspect,
};
const kill: Entry = {
  summary: 'Kill one or more running containers',
  aliases: 'container kill, kill',
  load: async () => (await import('./commands/kill.ts')).kill,
};
const load: Entry = {
  summary: 'Load an image from a tar archive or STDIN',
  aliases: 'image load, load',
  load: async () => (await import('./commands/load.ts')).load,
};
const logs: Entry = {
  summary: 'Fetch the logs of a container',
  aliases: 'container logs, logs',
  load: async () => (await import('./commands/logs.ts')).logs,
};
const pause: Entry = {
  summary: 'Pause all processes within one or more containers',
  aliases: 'container pause, pause',
  load: async () => (await import('./commands/pause.ts')).pause,
};
const port: Entry = {
  summary: 'List port mappings or a specific mapping for the container',
  aliases: 'container port, port',
  load: async () => (await import('./commands/port.ts')).port,
};
const ps: Entry = {
  summary: 'List containers',
  aliases: 'container ls, container list, container ps, ps',
  common: true,
  load: async () => (await import('./commands/ps.ts')).ps,
};
const rename: Entry = {
  summary: 'Rename a container',
  aliases: 'container rename, rename',
  load: async () => (await import('./commands/rename.ts')).rename,
};
const restart: Entry = {
  summary: 'Restart one or more containers',
  aliases: 'container restart, restart',
  load: async () => (await import('./commands/stop.ts')).restart,
};
const rm: Entry = {
  summary: 'Remove one or more containers',
  aliases: 'container rm, container remove, rm',
  load: async () => (await import('./commands/rm.ts')).rm,
};
const rmi: Entry = {
  summary: 'Remove one or more images',
  aliases: 'image rm, image remove, rmi',
  load: async () => (await import('./commands/rmi.ts')).rmi,
};
const run: Entry = {
  summary: 'Create and run a new container from an image',
  aliases: 'container run, run',
  common: true,
  load: async () => (await import('./commands/run.ts')).run,
};
const start: Entry = {
  summary: 'Start one or more stopped containers',
  aliases: 'container start, start',
  load: async () => (await import('./commands/start.ts')).start,
};
const stats: Entry = {
  summary: 'Display a live stream of what containers use',
  aliases: 'container stats, stats',
  load: async () => (await import('./commands/stats.ts')).stats,
};
const stop: Entry = {
  summary: 'Stop one or more running containers',
  aliases: 'container stop, stop',
  load: async () => (await import('./commands/stop.ts')).stop,
};
const tag: Entry = {
  summary: 'Create a tag TARGET_IMAGE that refers to SOURCE_IMAGE',
  aliases: 'image tag, tag',
  load: async () => (await import('./commands/tag.ts')).tag,
};
const top: Entry = {
  summary: 'Display the running processes of a container',
  aliases: 'container top, top',
  load: async () => (await import('./commands/top.ts')).top,
};
const unpause: Entry = {
  summary: 'Unpause all processes within one or more containers',
  aliases: 'container unpause, unpause',
  load: async () => (await import('./commands/pause.ts')).unpause,
};
const update: Entry = {
  summary: 'Update the limits of one or more containers',
  aliases: 'container update, update',
  load: async () => (await import('./commands/update.ts')).update,
};
const version: Entry = {
  summary: 'Show the version of the client and the daemon',
  common: true,
  load: async () => (await import('./commands/version.ts')).version,
};
const wait: Entry = {
  summary: 'Block until one or more containers stop, then print their exit codes',
  aliases: 'container wait, wait',
  load: async () => (await import('./commands/wait.ts')).wait,
};

const completion: Entry = {
  summary: 'Print what makes a shell (bash, zsh, fish) complete commands',
  load: async () => (await import('./commands/completion.ts')).completion,
};
const complete: Entry = {
  summary: 'List what may stand at the end of a command line',
  hidden: true,
  load: async () => (await import('./commands/completion.ts')).complete,
};
const exportRun: Entry = {
  summary: 'Print the command that makes a container again',
  load: async () => (await import('./commands/export-run.ts')).exportRun,
};
const doctor: Entry = {
  summary: 'Ask every layer below a container the same, and show where they differ',
  load: async () => (await import('./commands/doctor.ts')).doctor,
};
const why: Entry = {
  summary: 'Explain why a container is in its state',
  load: async () => (await import('./commands/why.ts')).why,
};

const commit: Entry = {
  summary: "Create a new image from a container's changes",
  aliases: 'container commit, commit',
  load: async () => (await import('./commands/commit.ts')).commit,
};
const cp: Entry = {
  summary: 'Copy files/folders between a container and the local filesystem',
  aliases: 'container cp, cp',
  load: async () => (await import('./commands/cp.ts')).cp,
};
const diff: Entry = {
  summary: "Inspect changes to files or directories on a container's filesystem",
  aliases: 'container diff, diff',
  load: async () => (await import('./commands/diff.ts')).diff,
};
const exportEntry: Entry = {
  summary: "Export a container's filesystem as a tar archive",
  aliases: 'container export, export',
  load: async () => (await import('./commands/export.ts')).exportCommand,
};
const importEntry: Entry = {
  summary: 'Import the contents from a tarball to create a filesystem image',
  aliases: 'image import, import',
  load: async () => (await import('./commands/import.ts')).importCommand,
};
const login: Entry = {
  summary: 'Authenticate to a registry',
  common: true,
  load: async () => (await import('./commands/login.ts')).login,
};
const logout: Entry = {
  summary: 'Log out from a registry',
  common: true,
  load: async () => (await import('./commands/logout.ts')).logout,
};
const pull: Entry = {
  summary: 'Download an image from a registry',
  aliases: 'image pull, pull',
  common: true,
  load: async () => (await import('./commands/pull.ts')).pull,
};
const push: Entry = {
  summary: 'Upload an image to a registry',
  aliases: 'image push, push',
  common: true,
  load: async () => (await import('./commands/push.ts')).push,
};
const save: Entry = {
  summary: 'Save one or more images to a tar archive (streamed to STDOUT by default)',
  aliases: 'image save, save',
  load: async () => (await import('./commands/save.ts')).save,
};
const search: Entry = {
  summary: 'Search a registry for images',
  common: true,
  load: async () => (await import('./commands/search.ts')).search,
};

const imageTree: Entry = {
  summary: 'Show which layers images share',
  load: async () => (await import('./commands/image-tree.ts')).imageTree,
};
const imageDiff: Entry = {
  summary: 'Show by which layers two images differ',
  load: async () => (await import('./commands/image-diff.ts')).imageDiff,
};
const imagePrune: Entry = {
  summary: 'Remove unused images',
  load: async () => (await import('./commands/image-prune.ts')).imagePrune,
};
const pin: Entry = {
  summary: 'Keep images from being removed when the disk is full',
  load: async () => (await import('./commands/image-pin.ts')).pin,
};
const unpin: Entry = {
  summary: 'Let images be removed again when the disk is full',
  load: async () => (await import('./commands/image-pin.ts')).unpin,
};
const systemDf: Entry = {
  summary: 'Show disk usage',
  load: async () => (await import('./commands/system-df.ts')).systemDf,
};
const systemPrune: Entry = {
  summary: 'Remove unused data',
  load: async () => (await import('./commands/system-prune.ts')).systemPrune,
};
const systemCheck: Entry = {
  summary: 'Look for damaged images, and repair them',
  load: async () => (await import('./commands/system-check.ts')).systemCheck,
};
const systemCompact: Entry = {
  summary: 'Drop compressed layers that can be made again from unpacked ones',
  load: async () => (await import('./commands/system-compact.ts')).systemCompact,
};

const containerPrune: Entry = {
  summary: 'Remove all stopped containers',
  load: async () => (await import('./commands/container-prune.ts')).containerPrune,
};
const containerInspect: Entry = {
  summary: 'Display detailed information on one or more containers',
  load: async () => (await import('./commands/inspect.ts')).containerInspect,
};
const imageInspect: Entry = {
  summary: 'Display detailed information on one or more images',
  load: async () => (await import('./commands/inspect.ts')).imageInspect,
};

/** `wherry X`. */
export const commands: Entries = {
  ...{ run, exec, ps, pull, push, images, login, logout, search, version, info },
  ...{
    attach,
    commit,
    create,
    cp,
    diff,
    edit,
    events,
    export: exportEntry,
    history,
    import: importEntry,
    inspect,
    kill,
    load,
  },
  ...{ pause, port, stats, top, unpause, update },
  ...{ logs, rename, restart, rm, rmi, save, start, stop, tag, wait, why, doctor, completion },
  'export-run': exportRun,
  __complete: complete,
};

/** `wherry container X` and so on. */
export const groups: Groups = {
  container: {
    summary: 'Manage containers',
    commands: {
      ...{
        attach,
        commit,
        create,
        cp,
        diff,
        edit,
        exec,
        export: exportEntry,
        inspect: containerInspect,
        kill,
        logs,
        ls: ps,
      },
      ...{ doctor, rename, restart, rm, run, start, stop, wait, why },
      'export-run': exportRun,
      ...{ pause, port, prune: containerPrune, stats, top, unpause, update },
      ...{ list: hidden(ps), ps: hidden(ps), remove: hidden(rm) },
    },
  },
  context,
  image: {
    summary: 'Manage images',
    commands: {
      ...{ diff: imageDiff, history, import: importEntry, inspect: imageInspect, load, ls: images, pin },
      ...{ prune: imagePrune, pull, push, rm: rmi, save, tag, tree: imageTree, unpin },
      ...{ list: hidden(images), remove: hidden(rmi) },
    },
  },
  network,
  manifest,
  volume,
  system: {
    summary: 'Manage the engine',
    commands: { check: systemCheck, compact: systemCompact, df: systemDf, events, info, prune: systemPrune },
  },
};
