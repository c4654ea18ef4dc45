import type { Socket } from 'node:net';
import type { Ctx } from '../../../common/ctx.ts';
import { conflict } from '../../../common/errors.ts';
import type { Attachment } from '../../../shim/contract.ts';
import type { AttachRequest, Container, LogChunk } from '../contract.ts';
import type { Core } from '../core.ts';
import { detachKeysFor, parseDetachKeys } from '../detach-keys.ts';
import { announce } from './announce.ts';
import { logs } from './logs.ts';
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
  if (request.logs) await replay(core, ctx, { entry, request });
  announce(core, entry, { action: 'attach' });
  if (!request.stream) {
    request.socket.end();
    return;
  }
  if (entry.run !== undefined) entry.run.shim.attach(attachment);
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

const isFramed = (tty: boolean, { plain }: AttachRequest): boolean => !tty && plain !== true;

/** What was logged so far, in the form that the client will get the rest in. */
async function replay(
  core: Core,
  ctx: Ctx,
  { entry, request }: { readonly entry: Entry; readonly request: AttachRequest },
): Promise<void> {
  const past = logs(core, ctx, {
    reference: entry.id,
    request: {
      stdout: request.stdout,
      stderr: request.stderr,
      follow: false,
      timestamps: false,
      details: false,
      tail: undefined,
      sinceNs: undefined,
      untilNs: undefined,
    },
  });
  const { tty } = entry.view.config;
  for await (const chunk of past) {
    await write(request.socket, isFramed(tty, request) ? framed(chunk) : chunk.data);
  }
}

const STREAMS = { stdout: 1, stderr: 2 } as const;

/** Docker's header: the stream, three zeros, the length. */
function framed({ stream, data }: LogChunk): Uint8Array {
  const header = Buffer.alloc(8);
  header.writeUInt8(STREAMS[stream], 0);
  header.writeUInt32BE(data.byteLength, 4);
  return Buffer.concat([header, data]);
}

/** Resolves once the kernel has it: what the shim writes comes behind. */
const write = (socket: Socket, data: Uint8Array): Promise<void> =>
  new Promise((resolve, reject) => {
    socket.write(data, (error) => (error ? reject(error) : resolve()));
  });
