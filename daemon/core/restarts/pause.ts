import type { ContainerState } from '../contract.ts';
import { millisecondsTo, parseTime } from '../time.ts';

/** How long it still has to wait for its next start. */
export const pauseOf = ({ restartAt }: Extract<ContainerState, { readonly kind: 'restarting' }>): number =>
  millisecondsTo(parseTime(restartAt) ?? 0n);
