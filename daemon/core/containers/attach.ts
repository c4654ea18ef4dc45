import type { Ctx } from '../../../common/ctx.ts';
import { conflict } from '../../../common/errors.ts';
import type { Attachment } from '../../../shim/contract.ts';
import type { AttachRequest, Container } from '../contract.ts';
import type { Core } from '../core.ts';
import { detachKeysFor, parseDetachKeys } from '../detach-keys.ts';
import { announce } from './announce.ts';
import { isFramed, sendLog } from './attach-log.ts';
import { checkNotPaused, checkNotRestarting } from './state.ts';
import type { Entry } from './table.ts';

/** Containers.checkAttach. Throws `not-found`, and `invalid-argument` for keys that are none. */
export function checkAttach(core: Core, reference: string, detachKeys: string | undefined): Container {
  const entry = core.table.find(reference);
  checkNotPaused(entry, 'attach', reference);
  checkNotRestarting(entry);
  if (detachKeys !== undefined) parseDetachKeys(detachKeys);
  return entry.view;
}

/** Containers.attach. The socket is the shim's in the end; until the start it waits with the container. */
export async function attach(
  core: Core,
  ctx: Ctx,
  { reference, request }: { readonly reference: string; readonly request: AttachRequest },
): Promise<void> {
  const entry = core.table.find(reference);
  const attachment = attachmentOf(entry, request);
  const announced = (): void => announce(core, entry, { action: 'attach' });
  if (request.logs) {
    const isServed = await sendLog(core, ctx, { entry, request, attachment, announced });
    if (isServed) return;
  }
  announced();
  if (!request.stream) request.socket.end();
  else if (entry.run !== undefined) entry.run.shim.attach(attachment);
  else if (core.table.byId(entry.id) === entry) entry.pending.push(attachment);
  else throw conflict(`container ${entry.id} is marked for removal`);
}

function attachmentOf({ view }: Entry, request: AttachRequest): Attachment {
  const { tty, openStdin } = view.config;
  return {
    socket: request.socket,
    head: request.head,
    options: {
      stdin: request.stdin && openStdin,
      stdout: request.stdout,
      stderr: request.stderr,
      framed: isFramed(tty, request),
      detachKeys: detachKeysFor(tty, request.detachKeys),
    },
  };
}
