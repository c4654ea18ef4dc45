import { create, toBinary } from '@bufbuild/protobuf';
import type { Ctx } from '../../../../common/ctx.ts';
import { internal, messageOf } from '../../../../common/errors.ts';
import { malformed } from '../../../../image/namespaces/errors.ts';
import { compileFilters, type Fields, type Filter } from '../../../../image/namespaces/filter.ts';
import { checkIdentifier } from '../../../core/containerd/identifier.ts';
import { realTimeNs } from '../../../core/time.ts';
import type { Envelope, EventExchange } from './contract.ts';
import { readEvent } from './read-event.ts';

/** What a subscriber may be behind; one that reads no more would hold them all. */
const MAX_BEHIND = 100_000;

export function createExchange(): EventExchange {
  const subscribers = new Set<(envelope: Envelope) => void>();
  const tell = (envelope: Envelope): void => {
    checkTopic(envelope.topic);
    for (const subscriber of subscribers) subscriber(envelope);
  };
  return {
    publish: (happened, schema, message) => {
      // Of nobody who listens there is nothing to encode.
      if (subscribers.size === 0) return;
      const event = { typeUrl: schema.typeName, value: toBinary(schema, create(schema, message)) };
      tell({ ...happened, event, timestampNs: realTimeNs() });
    },
    publishPacked: (envelope) => tell({ ...envelope, timestampNs: realTimeNs() }),
    forward: (envelope) => {
      checkIdentifier(envelope.namespace, 'event envelope has invalid namespace: ');
      checkTopic(envelope.topic);
      if (envelope.timestampNs === 0n) throw malformed('timestamp must be set on forwarded event');
      tell(envelope);
    },
    subscribe: (ctx, filters) => {
      const passes = readFilters(filters);
      return readQueue(ctx, (add) => {
        const subscriber = (envelope: Envelope): void => {
          if (passes(fieldsOf(envelope))) add(envelope);
        };
        subscribers.add(subscriber);
        return () => void subscribers.delete(subscriber);
      });
    },
  };
}

/** Throws in containerd's words, which say nothing of the kind that the error is of. */
function readFilters(filters: readonly string[]): Filter {
  try {
    return compileFilters(filters);
  } catch (error) {
    throw internal(`subscription error: failed parsing subscription filters: ${messageOf(error)}`);
  }
}

/** Subscribed at once, not when it is first read: what happens in between is not missed. */
function readQueue(
  ctx: Ctx,
  enter: (add: (envelope: Envelope) => void) => () => void,
): AsyncIterableIterator<Envelope> {
  const queue: Envelope[] = [];
  let wake: (() => void) | undefined;
  const leave = enter((envelope) => {
    queue.push(envelope);
    if (queue.length > MAX_BEHIND) queue.splice(0, MAX_BEHIND / 2);
    wake?.();
  });
  const end = (): void => {
    leave();
    wake?.();
  };
  ctx.signal.addEventListener('abort', end, { once: true });
  if (ctx.signal.aborted) leave();
  return {
    next: async () => {
      while (queue.length === 0 && !ctx.signal.aborted) {
        await new Promise<void>((resolve) => (wake = resolve));
        wake = undefined;
      }
      const value = ctx.signal.aborted ? undefined : queue.shift();
      return value === undefined ? { done: true, value: undefined } : { done: false, value };
    },
    return: async () => {
      ctx.signal.removeEventListener('abort', end);
      leave();
      return { done: true, value: undefined };
    },
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}

const fieldsOf =
  (envelope: Envelope): Fields =>
  ([first, ...rest]) => {
    if (first === 'namespace') return envelope.namespace;
    if (first === 'topic') return envelope.topic;
    return first === 'event' ? readEvent(envelope.event, rest) : undefined;
  };

function checkTopic(topic: string): void {
  const what = `envelope topic ${JSON.stringify(topic)}: `;
  if (topic === '') throw malformed(`${what}must not be empty`);
  if (!topic.startsWith('/')) throw malformed(`${what}must start with '/'`);
  if (topic === '/') throw malformed(`${what}must have at least one component`);
  for (const component of topic.slice(1).split('/'))
    checkIdentifier(component, `${what}failed validation on component ${JSON.stringify(component)}: `);
}
