import { invalidArgument } from '../common/errors.ts';
import type { MonitorConfig } from './contract.ts';
import type { PlanBuilder } from './plan/builder.ts';
import type { Slot } from './plan/types.ts';

/** Layout of struct monitor_config and its flags: native/c/monitor.h. */
const BYTES = 48;
const TTY = 1;
const STDIN = 2;
const STDIN_ONCE = 4;
const LOG = 8;
/** What the shim keeps of the configuration's strings (native/c/shim.c, TEXT_BYTES). */
const TEXT_BYTES = 4096;

/** Places the shim's configuration into the plan. `init` is the slot with the pid that the shim monitors. */
export function placeMonitor(plan: PlanBuilder, config: MonitorConfig, init: Slot): void {
  const { log, consoleSize, directory, oomFile } = config;
  const attrs = log?.attrs === undefined ? undefined : JSON.stringify(log.attrs);
  const texts = [directory, log?.path, attrs, oomFile].filter((text) => text !== undefined);
  const bytes = texts.reduce((sum, text) => sum + Buffer.byteLength(text) + 1, 0);
  if (bytes > TEXT_BYTES) {
    throw invalidArgument(
      `The paths and log attributes of ${config.id} have ${bytes} bytes, at most ${TEXT_BYTES} are possible`,
    );
  }
  const string = (text: string | undefined): number => (text === undefined ? 0 : plan.string(text));
  const struct = new DataView(new ArrayBuffer(BYTES));
  struct.setUint32(0, flagsOf(config), true);
  struct.setUint16(4, consoleSize?.rows ?? 0, true);
  struct.setUint16(6, consoleSize?.columns ?? 0, true);
  struct.setUint32(8, string(config.id), true);
  struct.setUint32(12, string(directory), true);
  struct.setUint32(16, string(log?.path), true);
  struct.setUint32(20, string(attrs), true);
  struct.setBigUint64(24, BigInt(log?.maxBytes ?? 0), true);
  struct.setUint32(32, log?.maxFiles ?? 1, true);
  struct.setUint32(36, config.drainMs, true);
  struct.setUint32(40, string(oomFile), true);
  plan.monitor(plan.bytes(new Uint8Array(struct.buffer)), init);
}

function flagsOf(config: MonitorConfig): number {
  return (
    (config.tty ? TTY : 0) |
    (config.stdin === 'none' ? 0 : STDIN) |
    (config.stdin === 'once' ? STDIN_ONCE : 0) |
    (config.log === undefined ? 0 : LOG)
  );
}
