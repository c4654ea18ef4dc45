import { pid } from 'node:process';
import type { Ctx } from '../../../common/ctx.ts';
import type { OpenLoop } from '../../../image/loops.ts';
import type { OpenMount } from '../../../runtime/rootfs/volumes.ts';
import type { Core } from '../core.ts';

/**
 * The loop files of these directories, for a plan that mounts them where it runs. Disposed when it has: from then on they are mounted there
 * alone, and go with the mount namespace.
 */
export async function openHostSide(
  { loops }: Pick<Core, 'loops'>,
  ctx: Ctx,
  directories: readonly string[],
): Promise<AsyncDisposable & { readonly hostSide: readonly OpenMount[] }> {
  const opened: OpenLoop[] = [];
  const hostSide: OpenMount[] = [];
  const close = async (): Promise<void> => {
    for (const each of opened) await each[Symbol.asyncDispose]();
  };
  try {
    for (const at of directories) {
      const loop = await loops.open(ctx, at);
      opened.push(loop);
      hostSide.push({ at, what: { kind: 'open', pid, fd: loop.fd } });
    }
  } catch (error) {
    await close();
    throw error;
  }
  return { hostSide, [Symbol.asyncDispose]: close };
}
