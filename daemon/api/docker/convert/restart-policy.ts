import { parseBackoff, type BackoffChoice } from '../../../../common/restart-backoff.ts';
import type { HostOptions } from '../../../core/contract.ts';
import type { RestartPolicyBody } from '../wire/restart-policy.ts';

/** For clients that know only docker's fields: `min=1s,max=5m,multiplier=3,reset=1m,jitter=0.2`. */
const LABEL = 'wherry.restart-backoff';
const NS_PER_MS = 1e6;

/** Docker's policy, `no` unless named; the back-off from our own fields, else from the label. */
export function toRestartPolicy(
  body: RestartPolicyBody | undefined,
  labels: Readonly<Record<string, string>>,
): HostOptions['restartPolicy'] {
  const { Name = '', MaximumRetryCount = 0 } = body ?? {};
  const label = labels[LABEL];
  const backoff = {
    ...(label === undefined ? {} : parseBackoff(label)),
    ...(body === undefined ? {} : backoffOf(body)),
  };
  return {
    name: Name === '' ? 'no' : Name,
    maximumRetryCount: MaximumRetryCount,
    ...(Object.keys(backoff).length === 0 ? {} : { backoff }),
  };
}

function backoffOf({ MinDelay, MaxDelay, Multiplier, ResetAfter, Jitter }: RestartPolicyBody): BackoffChoice {
  return {
    ...(MinDelay === undefined ? {} : { minMs: MinDelay / NS_PER_MS }),
    ...(MaxDelay === undefined ? {} : { maxMs: MaxDelay / NS_PER_MS }),
    ...(Multiplier === undefined ? {} : { multiplier: Multiplier }),
    ...(ResetAfter === undefined ? {} : { resetMs: ResetAfter / NS_PER_MS }),
    ...(Jitter === undefined ? {} : { jitter: Jitter }),
  };
}

/** What inspect shows: docker's fields, and those of ours that were set. */
export function showRestartPolicy({
  name,
  maximumRetryCount,
  backoff,
}: HostOptions['restartPolicy']): object {
  const { minMs, maxMs, multiplier, resetMs, jitter } = backoff ?? {};
  return {
    Name: name,
    MaximumRetryCount: maximumRetryCount,
    ...(minMs === undefined ? {} : { MinDelay: minMs * NS_PER_MS }),
    ...(maxMs === undefined ? {} : { MaxDelay: maxMs * NS_PER_MS }),
    ...(multiplier === undefined ? {} : { Multiplier: multiplier }),
    ...(resetMs === undefined ? {} : { ResetAfter: resetMs * NS_PER_MS }),
    ...(jitter === undefined ? {} : { Jitter: jitter }),
  };
}
