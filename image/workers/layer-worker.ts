/**
 * Runs one job after the other: what hashes, inflates or waits on a disk, so that the daemon's event loop does not.
 * Jobs are cancelled by a message, never by ending the thread, which would leave descriptors open.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { codeOf, messageOf, WherryError } from '../../common/errors.ts';
import { beatInto } from '../../native/ffi/beat.ts';
import { AT_FDCWD, closeFd, openAt, syncFileSystem } from '../../native/sys/files.ts';
import { removeTreeAt } from '../../native/sys/remove-tree.ts';
import type { CopyJob } from '../copy/contract.ts';
import { copyIn } from '../copy/in.ts';
import { copyOut } from '../copy/out.ts';
import { withRoot } from '../copy/root.ts';
import { mountLoopFile } from '../loop-file.ts';
import { limitDirectory } from '../limit.ts';
import { unlimitEntry } from '../quota.ts';
import { statusOf } from '../copy/status.ts';
import { compareTrees } from '../layers/compare.ts';
import { measureTree } from '../layers/measure.ts';
import { settle } from '../layers/settle.ts';
import { mergedTar } from '../roots/layer-tar.ts';
import { listChanges } from '../roots/list-changes.ts';
import { ChunkQueue } from './chunk-queue.ts';
import { diffIdOf, digestOf } from './digest.ts';
import { tellPlace } from './full-disk.ts';
import { fetchBlob } from './fetch.ts';
import { Remote } from './fetch-remote.ts';
import type { FetchProgress, FromWorker, Job, JobResults, ToWorker, WorkerData } from './jobs.ts';
import { inBlocks } from './layer-blob.ts';
import { pack } from './pack.ts';
import { spool } from './spool.ts';
import { rootOf, unpack } from './unpack.ts';
import { Window, WINDOW } from './window.ts';

const port = parentPort;
if (port === null) throw new Error('layer-worker runs as a worker thread only');
const { beat, limits } = workerData as WorkerData;
beatInto(beat);
const send = (message: FromWorker): void => port.postMessage(message);

interface Current {
  readonly input: ChunkQueue;
  readonly abort: AbortController;
  /** What may be sent of the output. */
  readonly window: Window;
}

const remote = new Remote();
let current: Current | undefined;

port.on('message', (message: ToWorker) => {
  switch (message.type) {
    case 'job':
      current = {
        input: new ChunkQueue(() => send({ type: 'taken' })),
        abort: new AbortController(),
        window: new Window(WINDOW),
      };
      void run(message.job, current);
      return;
    case 'chunk':
      current?.input.push(message.data);
      return;
    case 'end':
      current?.input.end();
      return;
    case 'taken':
      current?.window.open();
      return;
    case 'cancel': {
      const reason = new WherryError('canceled', 'The operation was cancelled');
      current?.input.fail(reason);
      current?.abort.abort(reason);
      current?.window.close();
    }
  }
});

async function run(job: Job, state: Current): Promise<void> {
  try {
    send({ type: 'done', result: await execute(job, state) });
  } catch (error) {
    const reason: unknown = state.abort.signal.aborted ? state.abort.signal.reason : tellPlace(error, job);
    send({ type: 'failed', code: codeOf(reason), message: messageOf(reason) });
  } finally {
    current = undefined;
  }
}

async function execute(job: Job, state: Current): Promise<JobResults[Job['kind']]> {
  const { input, abort } = state;
  const { signal } = abort;
  if (isCopy(job)) return withRoot(job.root, (root) => copy(root, job, state));
  switch (job.kind) {
    case 'unpack':
      return unpack(job, signal, limits);
    case 'settle':
      settle(job);
      return rootOf(job.directory);
    case 'measure':
      return measureTree(job.path);
    case 'compare':
      return compareTrees(job, signal);
    case 'digest':
      return digestOf(job.path, signal);
    case 'diff-id':
      return diffIdOf(job.path, signal, limits);
    case 'fetch': {
      const report = (progress: FetchProgress): void => send({ type: 'progress', progress });
      return fetchBlob(job, { remote, signal, limits, report });
    }
    case 'spool':
      return spool(job, input, { signal, limits });
    case 'pack':
      return pack(job, input, { signal, limits });
    case 'changes':
      return listChanges(job.upper, job.lowers);
    case 'export':
      return sendOutput(mergedTar(job.layers), state);
    case 'compare-paths': {
      const { comparePaths } = await import('../roots/compare.ts');
      return sendOutput(lines(comparePaths(job, signal)), state);
    }
    case 'record':
      return (await import('../rebuild/record.ts')).record(job, signal);
    case 'rebuild':
      return (await import('../rebuild/rebuild.ts')).rebuild(job, signal);
    case 'limit':
      return limitDirectory(job.directory, job);
    case 'mount-loop':
      return mountLoopFile(job.directory);
    case 'remove':
      return within(job.directory, (fd) => removeEntry(fd, job.name));
    case 'sync':
      break;
  }
  return within(job.path, syncFileSystem);
}

const isCopy = (job: Job): job is CopyJob => job.kind.startsWith('copy-');

async function copy(root: number, job: CopyJob, state: Current): Promise<JobResults[CopyJob['kind']]> {
  switch (job.kind) {
    case 'copy-status':
      return statusOf(root, job.path);
    case 'copy-out':
      return sendOutput(copyOut(root, job.path), state);
    case 'copy-in':
      await copyIn(root, { options: job, input: state.input, signal: state.abort.signal });
      return true;
  }
}

async function sendOutput(
  chunks: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
  { window, abort }: Current,
): Promise<true> {
  for await (const data of inBlocks(chunks)) {
    await window.enter();
    abort.signal.throwIfAborted();
    send({ type: 'chunk', data });
  }
  return true;
}

function removeEntry(parent: number, name: string): void {
  unlimitEntry(parent, name);
  removeTreeAt(parent, name);
}

async function* lines(values: AsyncIterable<unknown>): AsyncGenerator<Uint8Array> {
  for await (const value of values) yield Buffer.from(`${JSON.stringify(value)}\n`);
}

function within(directory: string, act: (fd: number) => void): true {
  const fd = openAt(AT_FDCWD, directory, { flags: 0 });
  try {
    act(fd);
  } finally {
    closeFd(fd);
  }
  return true;
}
