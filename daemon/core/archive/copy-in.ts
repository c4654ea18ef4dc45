import type { Ctx } from '../../../common/ctx.ts';
import { conflict, WherryError } from '../../../common/errors.ts';
import { failpoint } from '../../../common/failpoints.ts';
import type { CopyInJob } from '../../../image/copy/contract.ts';
import { readAccountFiles, readAccountFilesOf, type AccountFiles } from '../../../runtime/rootfs-files.ts';
import { resolveUser } from '../../../runtime/user.ts';
import { announce } from '../containers/announce.ts';
import { lockContainer } from '../containers/lock.ts';
import type { Entry } from '../containers/table.ts';
import type { Container } from '../contract.ts';
import type { Core } from '../core.ts';
import type { CopyInRequest } from './contract.ts';
import { naming, type Parts } from './copy-out.ts';
import { openCopyRoot } from './root.ts';

/** A client that sends nothing for so long keeps nobody from starting the container. */
const IDLE_MS = 60_000;

/** ContainerFiles.copyIn. */
export async function copyIn(
  parts: Parts,
  ctx: Ctx,
  { reference, request }: { readonly reference: string; readonly request: CopyInRequest },
): Promise<void> {
  const { core } = parts;
  const entry = core.table.find(reference);
  await naming({ reference, path: request.path }, async () => {
    while (!(await tryInto(parts, ctx, { entry, request })));
  });
  announce(core, entry, { action: 'extract-to-dir' });
}

interface CopyIn {
  readonly entry: Entry;
  readonly request: CopyInRequest;
}

/** False: it started or ended just now, and nothing has been read. */
const tryInto = (parts: Parts, ctx: Ctx, asked: CopyIn): Promise<boolean> =>
  asked.entry.run === undefined ? intoStopped(parts, ctx, asked) : intoRunning(parts, ctx, asked);

/** Its root is mounted for writing: nobody else may do that meanwhile. */
async function intoStopped(parts: Parts, ctx: Ctx, { entry, request }: CopyIn): Promise<boolean> {
  const { core } = parts;
  using _lock = await lockContainer(core, ctx, entry.id);
  ctx.check();
  if (entry.run !== undefined) return false;
  if (entry.view.config.host.autoRemove) await core.snapshots.clearVolatile(entry.id);
  const archive = impatient(request.archive);
  await unpack(parts, ctx, { entry, request: { ...request, archive } });
  return true;
}

/** Ends with the container: what is left of its root afterwards belongs to the next start. */
async function intoRunning(parts: Parts, ctx: Ctx, { entry, request }: CopyIn): Promise<boolean> {
  const { run } = entry;
  if (run === undefined) return false;
  const ended = new AbortController();
  const reason = conflict(`container ${entry.id} is not running`);
  void run.ended.then(() => ended.abort(reason));
  const own = ctx.until(ended.signal);
  try {
    await unpack(parts, own, { entry, request });
    return true;
  } catch (error) {
    throw ended.signal.aborted ? reason : error;
  }
}

async function unpack({ core, workers }: Parts, ctx: Ctx, { entry, request }: CopyIn): Promise<void> {
  const { path, keepKinds, archive } = request;
  const owner = request.asUser ? await ownerOf(core, ctx, entry) : undefined;
  await using opened = await openCopyRoot(core, ctx, { entry, writable: true });
  await workers.run(ctx, { kind: 'copy-in', root: opened.root, path, owner, keepKinds }, archive);
  await failpoint('archive.in.unpacked');
}

/** Source: moby daemon/archive_tarcopyoptions_unix.go: without a user, the archive's owners stay. */
async function ownerOf(core: Core, ctx: Ctx, { view, run }: Entry): Promise<CopyInJob['owner']> {
  const { user } = view.config;
  if (user === '') return undefined;
  const files =
    run === undefined ? await accountFilesOf(core, ctx, view) : await readAccountFilesOf(run.shim.pid);
  const { uid, gid } = resolveUser(user, files);
  return { uid, gid };
}

async function accountFilesOf({ snapshots }: Core, ctx: Ctx, { overlay }: Container): Promise<AccountFiles> {
  await using opened = await snapshots.open(ctx, overlay);
  return await readAccountFiles([opened.upper, ...opened.lower]);
}

async function* impatient(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const iterator = source[Symbol.asyncIterator]();
  try {
    for (;;) {
      const next = await inTime(iterator.next());
      if (next.done === true) return;
      yield next.value;
    }
  } finally {
    await iterator.return?.();
  }
}

async function inTime<T>(result: Promise<T>): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>();
  const late = new WherryError('deadline-exceeded', `The archive has not gone on for ${IDLE_MS / 1000} s`);
  const timer = setTimeout(() => reject(late), IDLE_MS);
  try {
    return await Promise.race([result, promise]);
  } finally {
    clearTimeout(timer);
  }
}
