import type { Container, ContainerState } from '../contract.ts';
import { formatTime, parseTime, realTimeNs } from '../time.ts';
import type { RestartRecord } from './contract.ts';
import { nextRestart, wantsRestart } from './policy.ts';

type Exited = Extract<ContainerState, { readonly kind: 'exited' }>;
const NS_PER_MS = 1_000_000n;

/** What a container is after its exit by its policy: it waits for its next start, or stays as it is. */
export function afterExit(
  { config, restarts }: Pick<Container, 'config' | 'restarts'>,
  exited: Exited,
): { readonly state: ContainerState; readonly restarts: RestartRecord } {
  if (restarts.edit?.again === true)
    return { state: { ...exited, kind: 'restarting', restartAt: formatTime(realTimeNs()) }, restarts };
  const policy = config.host.restartPolicy;
  if (!wantsRestart(policy, restarts, exited.exitCode)) return { state: exited, restarts };
  const ranNs = (parseTime(exited.finishedAt) ?? 0n) - (parseTime(exited.startedAt) ?? 0n);
  const ranMs = Number(ranNs / NS_PER_MS);
  const { record, pauseMs } = nextRestart(policy, restarts, { ranMs, chance: Math.random() });
  const restartAt = formatTime(realTimeNs() + BigInt(pauseMs) * NS_PER_MS);
  return { state: { ...exited, kind: 'restarting', restartAt }, restarts: record };
}
