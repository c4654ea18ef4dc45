import type { HandlerContext, ServiceImpl } from '@connectrpc/connect';
import { once } from 'node:events';
import { notFound } from '../../../../common/errors.ts';
import { HealthCheckResponse_ServingStatus as Status, type Health } from '../gen/grpc/health/v1/health_pb.ts';

/** The daemon as a whole is the one thing that it knows of; it serves as long as it answers. */
export const makeHealth = (): ServiceImpl<typeof Health> => ({
  check: ({ service }) => {
    if (service !== '') throw notFound('unknown service');
    return { status: Status.SERVING };
  },
  watch: async function* ({ service }, { signal }: HandlerContext) {
    yield { status: service === '' ? Status.SERVING : Status.SERVICE_UNKNOWN };
    if (!signal.aborted) await once(signal, 'abort');
    throw signal.reason;
  },
});
