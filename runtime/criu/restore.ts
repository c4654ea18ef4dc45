import { closeSync, mkdirSync, readFileSync } from 'node:fs';
import { internal, notImplemented } from '../../common/errors.ts';
import { holdUnitOf, refuseUsed } from '../container/cgroups.ts';
import type { ContainerRecord, Settings } from '../container/contract.ts';
import { newRecord, writePidFile } from '../container/create.ts';
import { destroy } from '../container/destroy.ts';
import { runHooks } from '../container/hooks.ts';
import { makeStateDirectory, saveRecord, startDirectory } from '../container/state-directory.ts';
import { identify } from '../container/status.ts';
import { takeTerminal, type Console } from '../container/terminal.ts';
import { namespacesOf } from '../namespaces.ts';
import type { Spec } from '../spec.ts';
import { commonOptions, EXTERNAL_NAMESPACES, type CriuSettings } from './checkpoint.ts';
import { checkInside, endAll } from './confine.ts';
import { checkImageDirectory, clearWorkFiles, makeDirectory, readPipes, withLog } from './images.ts';
import type { CriuOptions } from './messages.ts';
import { mountsToRestore } from './mounts.ts';
import { criuPlan, passedFd } from './process.ts';
import { askCriu, type OnNotify } from './service.ts';

export interface RestoreRequest extends CriuSettings {
  readonly id: string;
  /** Absolute. */
  readonly bundle: string;
  /** Validated. */
  readonly config: Spec;
  readonly console: Console;
  readonly pidFile: string | undefined;
  readonly lsmProfile: string | undefined;
  readonly lsmMountContext: string | undefined;
}

const LOG = 'restore.log';
/** In the state directory: where CRIU finds the root, in a mount namespace of its own. */
const ROOT = 'criu-root';
const MODE = 0o700;

/**
 * Makes a container of what a checkpoint wrote. What it may be is the bundle's to say: the image directory brings processes, memory and
 * the content of tmpfs mounts, and processes that are not confined as the configuration wants are ended. Throws with nothing left,
 * with the end of CRIU's log when CRIU failed.
 */
export async function restore(settings: Settings, request: RestoreRequest): Promise<ContainerRecord> {
  const { id, images } = request;
  let record = newRecord(settings, { ...request, noNewKeyring: false });
  const work = request.work ?? images;
  checkImageDirectory(images);
  const pipes = readPipes(images);
  makeDirectory(work);
  clearWorkFiles(work, LOG);
  if (record.cgroups !== undefined) await refuseUsed(record.cgroups);
  makeStateDirectory(settings.root, id);
  const rootAt = `${startDirectory(settings.root, id)}/${ROOT}`;
  try {
    saveRecord(settings.root, record);
    mkdirSync(rootAt, MODE);
    using _unit = await holdUnitOf(settings, record);
    record = askToRestore(settings, { record, request, pipes, rootAt, work });
    saveRecord(settings.root, record);
    if (request.pidFile !== undefined && record.init !== undefined)
      writePidFile(request.pidFile, record.init.pid);
    return record;
  } catch (error) {
    await destroy(settings, record);
    throw error;
  }
}

interface Context {
  readonly record: ContainerRecord;
  readonly request: RestoreRequest;
  readonly pipes: readonly { readonly key: string; readonly fd: number }[];
  readonly rootAt: string;
  readonly work: string;
}

function askToRestore(settings: Settings, context: Context): ContainerRecord {
  const { record, request, work, rootAt } = context;
  const namespaces = givenNamespaces(record.spec);
  const files = [request.images, work, ...namespaces.map(({ path }) => path)];
  const restored = { record };
  const plan = criuPlan({ program: request.program, files, container: { ...record, rootAt } });
  try {
    askCriu(
      plan,
      (pid) => ({
        type: 'RESTORE',
        opts: {
          ...optionsOf(settings, context),
          cgRoot: cgroupRoots(pid),
          inheritFd: [
            ...context.pipes,
            ...namespaces.map(({ key }, index) => ({ key, fd: passedFd(2 + index) })),
          ],
        },
      }),
      notified(settings, restored, request),
    );
    if (restored.record.init === undefined) throw internal('criu failed: it restored no process');
    return { ...restored.record, isReady: true };
  } catch (error) {
    throw withLog(error, `${work}/${LOG}`);
  }
}

function optionsOf(settings: Settings, { record, request, rootAt }: Context): CriuOptions {
  const { lsmProfile, lsmMountContext } = request;
  return {
    ...commonOptions(record, request),
    logFile: LOG,
    root: rootAt,
    evasiveDevices: true,
    rstSibling: true,
    extMnt: mountsToRestore(record, settings.layout),
    joinNs: joinedByPath(record.spec),
    ...(lsmProfile === undefined ? {} : { lsmProfile }),
    ...(lsmMountContext === undefined ? {} : { lsmMountContext }),
  };
}

/** Hooks run as with runc: those before the container is made, and none of those around its start. */
function notified(
  settings: Settings,
  restored: { record: ContainerRecord },
  { console }: RestoreRequest,
): OnNotify {
  return ({ script, pid, fd }) => {
    if (script === 'orphan-pts-master' && fd !== undefined) {
      takeTerminal(console, fd);
      return;
    }
    if (fd !== undefined) closeSync(fd);
    if (script === 'setup-namespaces' && pid !== undefined) {
      const record = { ...restored.record, init: identify(pid) };
      for (const point of ['prestart', 'createRuntime'] as const)
        runHooks(record, { point, status: 'creating' });
    } else if (script === 'post-restore' && pid !== undefined) {
      // From here on `delete --force` finds it.
      restored.record = { ...restored.record, init: identify(pid) };
      saveRecord(settings.root, restored.record);
      checkInside(restored.record, 'namespaces');
    } else if (script === 'pre-resume') {
      // Credentials are the last that CRIU restores, and it asks nobody any more.
      try {
        checkInside(restored.record, 'credentials');
      } catch (error) {
        endAll(restored.record);
        throw error;
      }
    }
  };
}

/** Those that CRIU takes as they are. */
function givenNamespaces(spec: Spec): { readonly key: string; readonly path: string }[] {
  const { joined } = namespacesOf(spec);
  return Object.entries(EXTERNAL_NAMESPACES).flatMap(([type, { key }]) => {
    const path = joined.get(type as keyof typeof EXTERNAL_NAMESPACES);
    return path === undefined ? [] : [{ key, path }];
  });
}

const CRIU_NAMES = { mount: 'mnt', uts: 'uts', ipc: 'ipc', user: 'user', time: 'time' } as const;

function joinedByPath(spec: Spec): { readonly ns: string; readonly nsFile: string }[] {
  return [...namespacesOf(spec).joined].flatMap(([type, nsFile]) => {
    if (Object.hasOwn(EXTERNAL_NAMESPACES, type)) return [];
    if (type === 'cgroup')
      throw notImplemented('CRIU cannot restore a container into a given cgroup namespace');
    return [{ ns: CRIU_NAMES[type as keyof typeof CRIU_NAMES], nsFile }];
  });
}

/** CRIU is in the container's cgroups, whatever they were called when the checkpoint was taken (man 7 cgroups, /proc/pid/cgroup). */
function cgroupRoots(pid: number): { readonly ctrl: string; readonly path: string }[] {
  return readFileSync(`/proc/${pid}/cgroup`, 'utf8')
    .trimEnd()
    .split('\n')
    .flatMap((line) => {
      const [, controllers = '', ...path] = line.split(':');
      return controllers.split(',').map((ctrl) => ({ ctrl, path: path.join(':') }));
    });
}
