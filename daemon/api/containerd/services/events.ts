import type { ServiceImpl } from '@connectrpc/connect';
import { malformed } from '../../../../image/namespaces/errors.ts';
import { ctxOf, namespaceOf } from '../call.ts';
import { fromAny, nsToTimestamp, timestampToNs, toAny } from '../convert/any.ts';
import type { Events } from '../gen/containerd/services/events/v1/events_pb.ts';
import type { ContainerdParts } from '../parts.ts';

const NO_EVENT = { typeUrl: '', value: new Uint8Array() };

export const makeEvents = ({ events, log }: ContainerdParts): ServiceImpl<typeof Events> => ({
  publish: ({ topic, event }, context) => {
    events.publishPacked({ namespace: namespaceOf(context), topic, event: fromAny(event) ?? NO_EVENT });
    return {};
  },
  forward: ({ envelope }) => {
    if (envelope === undefined) throw malformed('envelope must be set');
    const { namespace, topic, event, timestamp } = envelope;
    events.forward({
      ...{ namespace, topic, event: fromAny(event) ?? NO_EVENT },
      timestampNs: timestampToNs(timestamp),
    });
    return {};
  },
  subscribe: async function* ({ filters }, context) {
    for await (const { timestampNs, event, ...envelope } of events.subscribe(ctxOf(log, context), filters)) {
      const packed = toAny(event);
      yield { ...envelope, timestamp: nsToTimestamp(timestampNs), ...(packed && { event: packed }) };
    }
  },
});
