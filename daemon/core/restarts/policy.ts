import { invalidArgument } from '../../../common/errors.ts';
import {
  BACKOFF_DEFAULTS,
  POLICY_NAMES,
  type Backoff,
  type RestartPolicy,
  type RestartRecord,
} from './contract.ts';

/** Whether the policy wants another run after this end; moby's ShouldRestart. Pure. */
export function wantsRestart(policy: RestartPolicy, record: RestartRecord, exitCode: number): boolean {
  switch (policy.name) {
    case 'always':
      return true;
    case 'unless-stopped':
      return !record.manuallyStopped;
    case 'on-failure': {
      const { maximumRetryCount: most } = policy;
      return exitCode !== 0 && (most === 0 || record.count < most);
    }
    default:
      return false;
  }
}

/** The record and the pause of the next restart; `chance` is from 0 to 1. Pure. */
export function nextRestart(
  policy: RestartPolicy,
  record: RestartRecord,
  { ranMs, chance }: { readonly ranMs: number; readonly chance: number },
): { readonly record: RestartRecord; readonly pauseMs: number } {
  const { minMs, maxMs, multiplier, resetMs, jitter } = backoffOf(policy);
  const before = ranMs >= resetMs ? 0 : record.delayMs;
  const delayMs = Math.min(before === 0 ? minMs : before * multiplier, maxMs);
  return {
    record: { ...record, count: record.count + 1, delayMs },
    pauseMs: Math.round(delayMs * (1 + jitter * chance)),
  };
}

export const backoffOf = ({ backoff }: RestartPolicy): Backoff => ({ ...BACKOFF_DEFAULTS, ...backoff });

/** Throws `invalid-argument` in the words of moby's ValidateRestartPolicy; the back-off in ours. */
export function checkPolicy(policy: RestartPolicy): void {
  const refuse = (text: string): never => {
    throw invalidArgument(`invalid restart policy: ${text}`);
  };
  const { name, maximumRetryCount: most } = policy;
  if (name !== '' && !(POLICY_NAMES as readonly string[]).includes(name)) {
    refuse(`unknown policy '${name}'; use one of 'no', 'always', 'on-failure', or 'unless-stopped'`);
  }
  if (name === 'on-failure' && most < 0) refuse('maximum retry count cannot be negative');
  if (name !== 'on-failure' && name !== '' && most !== 0) {
    const negative = most < 0 ? ' and cannot be negative' : '';
    refuse(`maximum retry count can only be used with 'on-failure'${negative}`);
  }
  checkBackoff(policy, refuse);
}

function checkBackoff(policy: RestartPolicy, refuse: (text: string) => never): void {
  if (policy.backoff === undefined) return;
  const { minMs, maxMs, multiplier, resetMs, jitter } = backoffOf(policy);
  if (!(minMs >= 1)) refuse(`the shortest pause cannot be ${minMs}ms, it is at least 1ms`);
  if (!(maxMs >= minMs)) refuse(`the longest pause, ${maxMs}ms, is below the shortest, ${minMs}ms`);
  if (!(maxMs <= LONGEST_MS)) refuse(`the longest pause, ${maxMs}ms, is above a day`);
  if (!(multiplier >= 1)) refuse(`the multiplier cannot be ${multiplier}, it is at least 1`);
  if (!(resetMs >= 0)) refuse(`the back-off cannot be reset after ${resetMs}ms`);
  if (!(jitter >= 0 && jitter <= 1)) refuse(`the jitter cannot be ${jitter}, it is from 0 to 1`);
}

const LONGEST_MS = 86_400_000;
