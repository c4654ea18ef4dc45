import type { DescMessage, MessageInitShape } from '@bufbuild/protobuf';
import type { Ctx } from '../../../../common/ctx.ts';
import type { Packed } from '../../../core/containerd/contract.ts';

export interface Envelope {
  readonly namespace: string;
  /** `/tasks/start`. */
  readonly topic: string;
  readonly event: Packed;
  readonly timestampNs: bigint;
}

/** containerd's events: of every namespace, from now on, never kept. */
/** Throws `invalid-argument` for a topic that is none. */
export type Publish = <Desc extends DescMessage>(
  happened: { readonly namespace: string; readonly topic: string },
  schema: Desc,
  message: MessageInitShape<Desc>,
) => void;

export interface EventExchange {
  readonly publish: Publish;
  /** Of a type that the publisher alone may know. */
  publishPacked(envelope: Omit<Envelope, 'timestampNs'>): void;
  /** As another publisher has stamped it. */
  forward(envelope: Envelope): void;
  /** Until the signal; those that any filter lets pass, all without one. Throws `invalid-argument` for a bad filter. */
  subscribe(ctx: Ctx, filters: readonly string[]): AsyncIterable<Envelope>;
}
