import { spawn } from 'node:child_process';
import { env } from 'node:process';
import { at } from '../lib/paths.ts';
import type { Unit } from './suite.ts';

/** Runs a unit isolated (isolate.sh says how) and returns what it wrote to both streams and its exit code. */
export function runUnit(unit: Unit, index: number): Promise<{ output: string; code: number }> {
  const [command, ...args] = [
    at('scripts/conformance/isolate.sh'),
    String(index),
    String(unit.timeoutSeconds),
    ...unit.command,
  ];
  const child = spawn(command, args, {
    cwd: unit.cwd,
    env: { ...env, PATH: `${env['PATH'] ?? ''}:/usr/sbin:/sbin`, ...unit.env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const chunks: Buffer[] = [];
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => chunks.push(chunk));
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => resolve({ output: Buffer.concat(chunks).toString(), code: code ?? 1 }));
  });
}
