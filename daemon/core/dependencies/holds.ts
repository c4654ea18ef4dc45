import { isUp } from '../containers/state.ts';
import type { Container } from '../contract.ts';
import type { Condition } from './contract.ts';

/** Whether a condition holds, can't hold any more without a client, or may hold later; with the reason why it does not. */
export type Standing =
  { readonly kind: 'holds' } | { readonly kind: 'waits' | 'fails'; readonly why: string };

/** Pure. */
export function standingOf(
  { state, health, config }: Pick<Container, 'state' | 'health' | 'config'>,
  condition: Condition,
): Standing {
  const isNow = `it is ${state.kind}`;
  switch (condition) {
    case 'started':
      return isUp(state) ? { kind: 'holds' } : { kind: 'waits', why: isNow };
    case 'healthy': {
      const { test = [] } = config.healthcheck ?? {};
      if (test.length === 0 || test[0] === 'NONE') return { kind: 'fails', why: 'it has no healthcheck' };
      if (!isUp(state)) return { kind: 'waits', why: isNow };
      if (health?.status === 'healthy') return { kind: 'holds' };
      return { kind: 'waits', why: `its health is ${health?.status ?? 'starting'}` };
    }
    case 'completed': {
      if (state.kind !== 'exited') return { kind: 'waits', why: isNow };
      if (state.exitCode === 0 && state.error === '') return { kind: 'holds' };
      return { kind: 'fails', why: `it ended with exit code ${state.exitCode}` };
    }
  }
}
