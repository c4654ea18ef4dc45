import { REPLY_ERRNO_OFFSET } from '../../native/netlink/reply.ts';
import {
  AF_NETLINK,
  MSG_DONTWAIT,
  NETLINK_PROTOCOL,
  SOCK_CLOEXEC,
  SOCK_RAW,
} from '../../native/sys/socket.ts';
import { Label, type PlanBuilder } from './builder.ts';
import type { Slot } from './types.ts';

/**
 * Netlink messages as steps. The kernel carries a message out while sendto runs, and answers one without NLM_F_ACK only to refuse
 * it. So after each message the plan receives without waiting: EAGAIN is success, and an answer is the refusal, with which the plan
 * fails.
 */
export const REPLY_BYTES = 24;

/** A socket of the network namespace that the process is in. */
export const openNetlink = (
  plan: PlanBuilder,
  label: string,
  protocol: keyof typeof NETLINK_PROTOCOL = 'route',
): Slot =>
  plan.call(label, 'socket', [AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_PROTOCOL[protocol]], {
    save: true,
  });

/** Sends a message; `action` is what it does, for the error: `raise "lo"`. */
export function sendNetlink(
  plan: PlanBuilder,
  socket: Slot,
  { action, message }: { readonly action: string; readonly message: Uint8Array },
): void {
  sendPlaced(plan, socket, { action, offset: plan.bytes(message), bytes: message.byteLength });
}

/** The same for a message that lies in the blob already, where a step may have written into it. */
export function sendPlaced(
  plan: PlanBuilder,
  socket: Slot,
  { action, offset, bytes }: { readonly action: string; readonly offset: number; readonly bytes: number },
): void {
  const reply = plan.bytes(new Uint8Array(REPLY_BYTES));
  const done = new Label();
  plan.call(action, 'sendto', [socket, { kind: 'blob', offset }, bytes, 0, 0, 0]);
  plan.call(action, 'recvfrom', [socket, { kind: 'blob', offset: reply }, REPLY_BYTES, MSG_DONTWAIT, 0, 0], {
    ignore: ['EAGAIN'],
    onIgnored: done,
  });
  plan.fail(action, { kind: 'blob', offset: reply + REPLY_ERRNO_OFFSET });
  plan.here(done);
}
