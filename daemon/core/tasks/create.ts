import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Ctx } from '../../../common/ctx.ts';
import { codeOf, internal, messageOf } from '../../../common/errors.ts';
import { failpoint } from '../../../common/failpoints.ts';
import { Undo } from '../../../common/undo.ts';
import { precluded, taken } from '../../../image/namespaces/errors.ts';
import { bundleFiles } from '../../../runtime/foreign/contract.ts';
import { buildTaskPlan } from '../../../runtime/foreign/task.ts';
import { DOCKER_NAMESPACE } from '../../../image/namespaces/docker.ts';
import { checkIdentifier } from '../containerd/identifier.ts';
import type { Core } from '../core.ts';
import { errorIn, isTheirs } from '../runtimes/failure.ts';
import { clearAway } from './clear-away.ts';
import type { CreateTask, RootMount, RuntimeOptions } from './contract.ts';
import { launchProcess } from './launch.ts';
import { bundleOf, runtimeContainer, type TaskParts } from './parts.ts';
import { shimKeyOf, type FixedTask, type ProcessEntry } from './process.ts';
import { taskMount } from './root-mounts.ts';
import { chooseRuntime } from './runtime.ts';
import { readSpec, withRoot, type TaskSpec } from './spec.ts';

/** Tasks.create. */
export async function createTask(
  { core, records }: TaskParts,
  ctx: Ctx,
  { namespace, request }: { readonly namespace: string; readonly request: CreateTask },
): Promise<number> {
  const { id, stdio, rootfs } = request;
  checkIdentifier(id);
  const record = await records.get(namespace, id);
  if (namespace === DOCKER_NAMESPACE)
    throw precluded(`tasks of namespace "${namespace}" are docker's: use docker's API to make them`);
  const ref = { namespace, id, execId: undefined };
  using _lock = await core.locks.acquire(shimKeyOf(ref));
  if (core.tasks.get(ref) !== undefined) throw taken(`task ${id}`);
  const spec = readSpec(record.spec);
  const images = imagesOf(core, shimKeyOf(ref), request.checkpoint);
  const task = await fixedTask(core, { spec, runtime: record.runtime.name, request, images });
  const entry = core.tasks.insert(ref, { stdio, task }, { kind: 'creating' });
  await using undo = new Undo();
  undo.defer(() => clearAway(core, entry));
  await failpoint('task.create.row');
  await writeBundle(core, { entry, spec, request });
  await failpoint('task.create.bundle');
  if (request.checkpoint?.kind === 'content') {
    const { digest } = request.checkpoint;
    await core.namespaced.checkpoints.unpack(ctx, namespace, { digest, target: images });
    await failpoint('task.create.unpacked');
  }
  const verb = createVerb(request.options);
  const made = request.checkpoint === undefined ? launchTask(core, ctx, { entry, spec, rootfs, verb }) : 0;
  entry.busy = Promise.resolve(made);
  const pid = await made;
  await failpoint('task.create.launched');
  if (!core.tasks.advance(entry, ['creating'], { kind: 'created', pid }))
    throw internal(`task ${id} has ended before it was created`);
  undo.commit();
  core.tasks.tell({
    ...{ namespace, id, kind: 'create', pid, bundle: bundleOf(core, entry), rootfs, stdio },
    checkpoint: images,
  });
  return pid;
}

/** Where CRIU finds what it restores; '' for a task that begins anew. */
function imagesOf({ paths }: Core, key: string, from: CreateTask['checkpoint']): string {
  if (from === undefined) return '';
  return from.kind === 'directory' ? from.path : paths.checkpoint(key);
}

async function fixedTask(
  core: Core,
  asked: {
    readonly spec: TaskSpec;
    readonly runtime: string;
    readonly request: CreateTask;
    readonly images: string;
  },
): Promise<FixedTask> {
  const { spec, runtime, request, images } = asked;
  const { cgroupsPath, sharesPids } = spec;
  const { rootfs } = request;
  return {
    ...(await chooseRuntime(core, runtime, request.options)),
    ...(request.options.root === '' ? {} : { root: request.options.root }),
    ...(cgroupsPath === undefined ? {} : { cgroupsPath }),
    sharesPids,
    ...(images === '' ? {} : { checkpoint: { images, rootfs } }),
  };
}

interface Made {
  readonly entry: ProcessEntry;
  readonly spec: TaskSpec;
  readonly request: CreateTask;
}

/** Without mounts the specification's directory is the root; a relative one would be in the bundle. */
async function writeBundle(core: Core, { entry, spec, request }: Made): Promise<void> {
  const bundle = bundleOf(core, entry);
  await mkdir(bundle, { recursive: true, mode: 0o700 });
  const root = request.rootfs.length === 0 ? join('/', spec.root) : core.paths.staging;
  await writeFile(join(bundle, bundleFiles.config), withRoot(spec, root), { mode: 0o600 });
}

export interface TaskToLaunch {
  readonly entry: ProcessEntry;
  readonly spec: TaskSpec;
  readonly rootfs: readonly RootMount[];
  /** `create` or `restore`, with flags. */
  readonly verb: readonly string[];
}

/** Throws with what the runtime said, in containerd's words. */
export async function launchTask(
  core: Core,
  ctx: Ctx,
  { entry, spec, rootfs, verb }: TaskToLaunch,
): Promise<number> {
  const { cgroupsPath } = entry.fixed.task ?? {};
  try {
    return await launchProcess(core, ctx, {
      ...{ entry, cgroupsPath },
      makePlan: async (monitor, loggers) =>
        buildTaskPlan({
          ...runtimeContainer(core, entry),
          stagingDir: core.paths.staging,
          mounts: rootfs.map(taskMount),
          propagation: spec.propagation,
          ...{ verb, monitor, loggers },
        }),
    });
  } catch (error) {
    if (codeOf(error) === 'invalid-argument') throw error;
    const message = messageOf(error);
    const said = isTheirs(message) ? await errorIn(bundleOf(core, entry), message) : message;
    // Where runc says it itself, ours leaves it out.
    const where =
      entry.fixed.task?.binary === '' ? 'runc create failed: unable to start container process: ' : '';
    throw internal(`failed to create shim task: OCI runtime create failed: ${where}${said}: unknown`, {
      cause: error,
    });
  }
}

const createVerb = ({ noPivot, noNewKeyring }: RuntimeOptions): string[] => [
  'create',
  ...(noPivot ? ['--no-pivot'] : []),
  ...(noNewKeyring ? ['--no-new-keyring'] : []),
];
