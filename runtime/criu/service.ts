import { closeSync } from 'node:fs';
import { internal, messageOf } from '../../common/errors.ts';
import { isErrno } from '../../native/sys/files.ts';
import { waitChild } from '../../native/sys/reap.ts';
import { receiveWithFd, sendWithFd } from '../../native/sys/unix-socket.ts';
import { setSubreaper } from '../../native/sys/wait.ts';
import { runPlan } from '../container/launcher.ts';
import type { Plan } from '../plan/types.ts';
import { decodeResponse, encodeRequest, type CriuRequest, type CriuResponse } from './messages.ts';

/** Longer than any response, with what a feature check adds. */
const PACKET_BYTES = 40_960;

/** What CRIU says while it works. Throwing tells it to give up. `fd` is the callee's to close. */
export type OnNotify = (notify: {
  readonly script: string;
  readonly pid: number | undefined;
  readonly fd: number | undefined;
}) => void;

/**
 * Runs `criu swrk` once: starts it by its plan (`criuPlan`), sends a request and answers CRIU's questions until it has finished. Holds
 * the thread. Throws `internal` in runc's words when CRIU fails, and what `onNotify` throws. The restored process, if there is one,
 * becomes a child of this command.
 */
export function askCriu(
  plan: Plan,
  requestFor: (pid: number) => CriuRequest,
  onNotify: OnNotify = () => {},
): CriuResponse {
  let [pid, socket]: (number | undefined)[] = [];
  const conversation = { isOver: false };
  // CRIU is orphaned by its launcher, and has to become ours.
  setSubreaper(true);
  try {
    pid = runPlan(plan, {
      events: {
        onSync: (_, take) => {
          socket = take();
        },
      },
    });
    if (pid === undefined || socket === undefined) throw internal('Cannot start CRIU');
    const request = requestFor(pid);
    sendWithFd(socket, encodeRequest(request));
    return converse(socket, { request, onNotify, conversation });
  } finally {
    if (socket !== undefined) closeSync(socket);
    // Left in the middle it might wait for ever for what was ended behind its back. It is our child, so the number is its own.
    if (pid !== undefined && !conversation.isOver) process.kill(pid, 'SIGKILL');
    // Its exit code says nothing more: after a pre-dump it waits for the next one, and fails since there is none.
    if (pid !== undefined) waitChild(pid, { block: true });
  }
}

/** CRIU asks before it lets the processes go on, and goes on whatever the answer is: who refuses then has to end them. */
const LAST_QUESTION = 'pre-resume';

function converse(
  socket: number,
  context: {
    readonly request: CriuRequest;
    readonly onNotify: OnNotify;
    readonly conversation: { isOver: boolean };
  },
): CriuResponse {
  const { request, onNotify, conversation } = context;
  const packet = Buffer.alloc(PACKET_BYTES);
  let refusal: Error | undefined;
  for (;;) {
    const { bytes, fd } = receive(socket, packet);
    if (bytes === 0) throw refusal ?? internal('criu failed: it ended without an answer');
    const response = decodeResponse(packet.subarray(0, bytes));
    if (response.type === 'NOTIFY' && response.notify !== undefined && response.success) {
      const { script, pid } = response.notify;
      refusal = refusalOf(() => onNotify({ script, pid, fd })) ?? refusal;
      if (refusal !== undefined && script === LAST_QUESTION) throw refusal;
      sendWithFd(socket, encodeRequest({ type: 'NOTIFY', notifySuccess: refusal === undefined }));
      continue;
    }
    conversation.isOver = true;
    if (refusal !== undefined) throw refusal;
    if (!response.success) throw internal(`criu failed: type ${response.type} errno ${response.errno ?? 0}`);
    if (response.type !== request.type) throw internal(`criu failed: it answers with ${response.type}`);
    return response;
  }
}

function refusalOf(notice: () => void): Error | undefined {
  try {
    notice();
    return undefined;
  } catch (error) {
    return error instanceof Error ? error : new Error(messageOf(error));
  }
}

/** A process that is gone has closed its end, or reset it with something unread. */
function receive(socket: number, packet: Buffer): { bytes: number; fd: number | undefined } {
  try {
    return receiveWithFd(socket, packet);
  } catch (error) {
    if (isErrno(error, 'ECONNRESET', 'EPIPE')) return { bytes: 0, fd: undefined };
    throw error;
  }
}
