import { invalidArgument, messageOf } from '../../../common/errors.ts';
import { parseDuration } from '../../../common/go-duration.ts';
import type { UnhealthyAction } from './contract.ts';

export const ACTION_LABEL = 'wherry.on-unhealthy';

const DEFAULTS = { max: 3, windowMs: 600_000, cooldownMs: 10_000 };
const NS_PER_MS = 1e6;

/** `restart`, `kill:max=3,window=10m,cooldown=10s`; undefined for `none` and without a label. Throws `invalid-argument`. */
export function parseAction(text: string | undefined): UnhealthyAction | undefined {
  if (text === undefined || text === 'none') return undefined;
  const [, kind, settings] = /^(restart|kill)(?::(.+))?$/.exec(text) ?? [];
  if (kind === undefined) {
    throw wrong(text, 'expected none, restart or kill, as in restart:max=3,window=10m,cooldown=10s');
  }
  const action = { kind: kind as UnhealthyAction['kind'], ...DEFAULTS };
  for (const setting of settings?.split(',') ?? []) Object.assign(action, readSetting(text, setting));
  return action;
}

function readSetting(text: string, setting: string): Partial<UnhealthyAction> {
  const [, key = '', value = ''] = /^([a-z]+)=(.+)$/.exec(setting) ?? [];
  switch (key) {
    case 'max':
      if (!/^[1-9]\d{0,3}$/.test(value)) throw wrong(text, `max is a number from 1 to 9999, not "${value}"`);
      return { max: Number(value) };
    case 'window':
      return { windowMs: readMs(text, value) };
    case 'cooldown':
      return { cooldownMs: readMs(text, value) };
  }
  throw wrong(text, `"${setting}" is not max=, window= or cooldown=`);
}

function readMs(text: string, value: string): number {
  try {
    const ms = parseDuration(value) / NS_PER_MS;
    if (ms >= 0) return ms;
  } catch (error) {
    throw wrong(text, messageOf(error));
  }
  throw wrong(text, `"${value}" is negative`);
}

/** That of a container; what can't be read, since `create` was not asked, is none. */
export function actionOf(labels: Readonly<Record<string, string>>): UnhealthyAction | undefined {
  try {
    return parseAction(labels[ACTION_LABEL]);
  } catch {
    return undefined;
  }
}

const wrong = (text: string, why: string): Error =>
  invalidArgument(`Invalid ${ACTION_LABEL} "${text}": ${why}`);

export type Decision =
  { readonly kind: 'act' } | { readonly kind: 'wait'; readonly ms: number } | { readonly kind: 'exhausted' };

/** What the budget allows now. `actedAtMs` are the times of what was done, oldest first. Pure. */
export function decide(action: UnhealthyAction, actedAtMs: readonly number[], nowMs: number): Decision {
  if (recent(action, actedAtMs, nowMs).length >= action.max) return { kind: 'exhausted' };
  const last = actedAtMs.at(-1);
  // A clock that was set back is no reason to wait for years.
  const ms = last === undefined ? 0 : Math.min(last + action.cooldownMs - nowMs, action.cooldownMs);
  return ms > 0 ? { kind: 'wait', ms } : { kind: 'act' };
}

/** What counts: the rest is forgotten. */
export const recent = (
  action: UnhealthyAction,
  actedAtMs: readonly number[],
  nowMs: number,
): readonly number[] =>
  actedAtMs.filter((at) => at > nowMs - action.windowMs && at <= nowMs + action.windowMs);
