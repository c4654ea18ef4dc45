import { constants } from 'node:os';
import { binarySize } from '../format/units.ts';
import type { Facts, Happening } from './facts.ts';

/** Above it a code stands for the signal that ended the process, as shells count. */
const SIGNALED = 128;

/** What the last exit code means and who is behind it. */
export function explainExit(facts: Facts): string {
  const { ExitCode: code, Error: error, OOMKilled } = facts.container.State;
  if (OOMKilled) return `${code}: ${explainOom(facts)}`;
  if (code === 0) return '0: its program ended by itself and was successful';
  if (error !== '' && code === 127) return `127: "${facts.container.Path}" is not there in the container`;
  if (error !== '' && code === 126) {
    return `126: "${facts.container.Path}" is there and can't be executed: no program, or not allowed`;
  }
  if (error !== '') return `${code}: it could not be started`;
  const signal = code > SIGNALED ? nameOf(code - SIGNALED) : undefined;
  if (signal !== undefined)
    return `${code}: ${signal} (128 + ${code - SIGNALED}), ${whoSent(facts, code - SIGNALED)}`;
  if (code === 127)
    return '127: its program (a shell, most likely) did not find a command that it was to run';
  if (code === 126) return '126: its program (a shell, most likely) was not allowed to run a command';
  return `${code}: its program chose this code, so its own logs tell why`;
}

function explainOom({ container }: Facts): string {
  const { Memory } = container.HostConfig;
  const limit = Memory > 0 ? `its limit of ${binarySize(Memory)} was reached` : 'the host had none left';
  return `the kernel killed it for want of memory (OOM): ${limit}`;
}

function whoSent(facts: Facts, signal: number): string {
  const sent = lastRun(facts.journal).filter(({ action }) => action === 'kill');
  const match = sent.findLast(({ attributes }) => Number(attributes['signal']) === signal);
  if (match === undefined) {
    return 'sent by nobody through Wherry: by its own program, another process of the host, or the kernel';
  }
  const before = sent.find((each) => each !== match && each.atMs < match.atMs);
  if (signal === constants.signals.SIGKILL && before !== undefined) {
    const first = nameOf(Number(before.attributes['signal'])) ?? 'its stop signal';
    const waited = Math.round((match.atMs - before.atMs) / 1000);
    return `a client stopped it: ${first} first, and it still ran ${waited} s later`;
  }
  return 'a client sent it (stop, kill, restart or rm)';
}

/** What happened since the last start, itself included. */
export function lastRun(journal: readonly Happening[]): readonly Happening[] {
  const start = journal.findLastIndex(({ action }) => action === 'start');
  return start < 0 ? journal : journal.slice(start);
}

/** `SIGTERM` of 15; undefined for no signal. */
export const nameOf = (signal: number): string | undefined =>
  Object.entries(constants.signals).find(([, number]) => number === signal)?.[0];
