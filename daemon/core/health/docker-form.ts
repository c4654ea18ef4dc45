import type { Healthcheck } from './contract.ts';

/** Docker's HealthConfig, on the wire and in images. Times are nanoseconds. */
export interface DockerHealthcheck {
  readonly Test?: readonly string[] | null;
  readonly Interval?: number;
  readonly Timeout?: number;
  readonly StartPeriod?: number;
  readonly StartInterval?: number;
  readonly Retries?: number;
}

export const fromDocker = (given: DockerHealthcheck): Healthcheck => ({
  test: given.Test ?? [],
  intervalNs: given.Interval ?? 0,
  timeoutNs: given.Timeout ?? 0,
  startPeriodNs: given.StartPeriod ?? 0,
  startIntervalNs: given.StartInterval ?? 0,
  retries: given.Retries ?? 0,
});

/** Without what is unset, as docker writes it. */
export const toDocker = (check: Healthcheck): DockerHealthcheck => ({
  ...(check.test.length === 0 ? {} : { Test: check.test }),
  ...(check.intervalNs === 0 ? {} : { Interval: check.intervalNs }),
  ...(check.timeoutNs === 0 ? {} : { Timeout: check.timeoutNs }),
  ...(check.startPeriodNs === 0 ? {} : { StartPeriod: check.startPeriodNs }),
  ...(check.startIntervalNs === 0 ? {} : { StartInterval: check.startIntervalNs }),
  ...(check.retries === 0 ? {} : { Retries: check.retries }),
});
