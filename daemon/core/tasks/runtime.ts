import { isAbsolute } from 'node:path';
import { internal } from '../../../common/errors.ts';
import type { Core } from '../core.ts';
import { findRuntime } from '../runtimes/choose.ts';
import type { RuntimeOptions } from './contract.ts';

/** Names that clients have for a runtime with runc's command line. */
const NAMES: readonly string[] = [
  'io.containerd.runc.v2',
  'io.containerd.runc.v1',
  'io.containerd.runtime.v1.linux',
  'wherry',
];

/** The program, '' for our own, and its flags before the verb. Throws `internal`, in containerd's words, for one that is not there. */
export async function chooseRuntime(
  { config }: Core,
  name: string,
  { binary, systemdCgroup }: RuntimeOptions,
): Promise<{ readonly binary: string; readonly flags: readonly string[] }> {
  const more = systemdCgroup ? ['--systemd-cgroup'] : [];
  const configured = Object.hasOwn(config.runtimes, name) ? config.runtimes[name] : undefined;
  if (configured === undefined && !NAMES.includes(name) && !isAbsolute(name))
    throw internal(
      `failed to start shim: failed to resolve runtime path: runtime "${name}" is not installed: unknown`,
    );
  if (binary === '' && configured === undefined && !isAbsolute(name)) return { binary: '', flags: more };
  const asked = binary === '' ? (configured ?? { path: name, args: [] }) : { path: binary, args: [] };
  const { path, args } = await findRuntime(asked);
  return { binary: path, flags: [...args, ...more] };
}
