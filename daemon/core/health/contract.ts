/**
 * Healthchecks: docker's, by commands in the container, and ours, by connections from its network namespace. A check runs one
 * interval after the end of the one before; never two at once for one container; none while it is paused. Status, streak and log are
 * kept over a restart of the daemon; a new start of the container begins with `starting`, and keeps the log, as docker's does.
 */

/** Docker's HealthConfig; times are nanoseconds, 0 is unset: the image's, or the default. */
export interface Healthcheck {
  /** Empty: the image's. `NONE`; `CMD` and words; `CMD-SHELL` and a line; `HTTP` and a URL; `TCP` and an address; `GRPC` and an address. */
  readonly test: readonly string[];
  readonly intervalNs: number;
  readonly timeoutNs: number;
  readonly startPeriodNs: number;
  readonly startIntervalNs: number;
  readonly retries: number;
}

/** What is looked at. */
export type Target =
  | { readonly kind: 'command'; readonly words: readonly string[] }
  | {
      readonly kind: 'http';
      readonly url: string;
      readonly address: string;
      readonly port: number;
      readonly path: string;
    }
  | { readonly kind: 'tcp'; readonly address: string; readonly port: number }
  /** Of an empty service the server as a whole. */
  | {
      readonly kind: 'grpc';
      readonly url: string;
      readonly address: string;
      readonly port: number;
      readonly service: string;
    };

/** A check with nothing left open: defaults are filled in. */
export interface Check {
  readonly target: Target;
  readonly intervalMs: number;
  readonly timeoutMs: number;
  readonly startPeriodMs: number;
  readonly startIntervalMs: number;
  readonly retries: number;
}

export type HealthStatus = 'starting' | 'healthy' | 'unhealthy';

export interface ProbeResult {
  /** RFC 3339 with nanoseconds. */
  readonly start: string;
  readonly end: string;
  /** 0 is healthy; -1: it took too long, or could not be made. */
  readonly exitCode: number;
  /** Of commands: both streams, the first 4096 bytes and then `...`. */
  readonly output: string;
}

/** What of a container's health is shown. */
export interface Health {
  readonly status: HealthStatus;
  readonly failingStreak: number;
  /** The last five, oldest first. */
  readonly log: readonly ProbeResult[];
}

/** What is done with a container that became unhealthy: `wherry.on-unhealthy=restart:max=3,window=10m,cooldown=10s`. */
export interface UnhealthyAction {
  readonly kind: 'restart' | 'kill';
  /** At most so many in a window; then it stays unhealthy. */
  readonly max: number;
  readonly windowMs: number;
  /** From one to the next at least. */
  readonly cooldownMs: number;
}
