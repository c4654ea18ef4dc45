import { env } from 'node:process';

/** How much is measured; `WHERRY_BENCH_<name>` of the environment makes it less, to try the benchmark on a busy machine. */
const setting = (name: string, usual: number): number => Number(env[`WHERRY_BENCH_${name}`] ?? usual);

/** Containers that are attached to a network at once. */
export const ATTACHED = setting('ATTACHED', 256);
/** Published in one range. */
export const PORTS = setting('PORTS', 10_000);
/** Starts at once, at most. */
export const STARTS = setting('STARTS', 256);
/** What is compared once, in turns. */
export const ROUNDS = setting('ROUNDS', 15);
/** dockerd is given up then: of each port it makes rules and a process, and each takes longer than the one before. */
export const PEER_MS = 1000 * setting('PEER_SECONDS', 300);
