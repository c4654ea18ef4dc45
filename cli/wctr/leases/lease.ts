import { randomBytes } from 'node:crypto';
import type { Containerd } from '../../containerd/client.ts';
import { Leases } from '../../../daemon/api/containerd/gen/containerd/services/leases/v1/leases_pb.ts';

const DAY_MS = 86_400_000;

export const expiring = (afterMs: number): Record<string, string> => ({
  'containerd.io/gc.expire': new Date(Date.now() + afterMs).toISOString().replace(/\.\d+Z$/, 'Z'),
});

/** As containerd's clients name theirs: the nanoseconds of now, and chance. */
export const randomLeaseId = (): string =>
  `${process.hrtime.bigint() % 1_000_000_000n}-${randomBytes(3).toString('base64url')}`;

/**
 * Runs `act` with a connection whose calls keep what they make from the garbage collection until `act` is over. A process that
 * is killed leaves a lease that ends by itself after a day.
 */
export async function leased<T>(
  containerd: Containerd,
  act: (leasing: Containerd) => Promise<T>,
): Promise<T> {
  const leases = containerd.service(Leases);
  const { lease } = await leases.create({ id: randomLeaseId(), labels: expiring(DAY_MS) });
  const id = lease?.id ?? '';
  try {
    return await act(containerd.withLease(id));
  } finally {
    await leases.delete({ id });
  }
}
