import { create } from '@bufbuild/protobuf';
import { AnySchema, timestampFromDate, type Any, type Timestamp } from '@bufbuild/protobuf/wkt';
import type { Packed } from '../../../core/containerd/contract.ts';

/** Undefined stays undefined: an Any without a type is none. */
export const toAny = (packed: Packed | undefined): Any | undefined =>
  packed && create(AnySchema, { typeUrl: packed.typeUrl, value: packed.value });

export const fromAny = (any: Any | undefined): Packed | undefined =>
  any && { typeUrl: any.typeUrl, value: any.value };

const NS_PER_S = 1_000_000_000n;

export const toTimestamp = (date: Date): Timestamp => timestampFromDate(date);
export const nsToTimestamp = (ns: bigint): Pick<Timestamp, 'seconds' | 'nanos'> => ({
  seconds: ns / NS_PER_S,
  nanos: Number(ns % NS_PER_S),
});
export const timestampToNs = (timestamp: Timestamp | undefined): bigint =>
  timestamp === undefined ? 0n : timestamp.seconds * NS_PER_S + BigInt(timestamp.nanos);
