import Type, { type Static } from 'typebox';

const optional = Type.Optional;

/** Docker's RestartPolicy, and our back-off: delays in nanoseconds, as docker has every duration. */
export const RestartPolicyBody = Type.Object({
  Name: optional(Type.String()),
  MaximumRetryCount: optional(Type.Integer()),
  MinDelay: optional(Type.Integer()),
  MaxDelay: optional(Type.Integer()),
  Multiplier: optional(Type.Number()),
  ResetAfter: optional(Type.Integer()),
  Jitter: optional(Type.Number()),
});
export type RestartPolicyBody = Static<typeof RestartPolicyBody>;
