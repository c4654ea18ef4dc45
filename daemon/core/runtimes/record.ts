import { mkdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ContainerRecord } from '../../../runtime/container/contract.ts';
import { stateFile } from '../../../runtime/container/state-directory.ts';
import { identify } from '../../../runtime/container/status.ts';
import { stringifyExact } from '../../../runtime/exact-json.ts';
import type { Spec } from '../../../runtime/spec.ts';
import { cgroupPathOf } from '../cgroups.ts';
import { DOCKER_NAMESPACE } from '../../../image/namespaces/docker.ts';
import type { Container } from '../contract.ts';
import type { Core } from '../core.ts';
import { removeDirectory } from '../remove-directory.ts';
import { seccompProfileOf } from '../spec/seccomp.ts';

const directoryOf = ({ paths }: Core, id: string): string => join(paths.runtime(DOCKER_NAMESPACE), id);

/**
 * Writes what `wherry-runtime --root <execRoot>/runtime/moby` wants to know of a container that the daemon itself has started: a person
 * can then ask, and execute, at the lowest door, also without a daemon.
 */
export async function writeRecord(
  core: Core,
  view: Container,
  { pid, spec }: { readonly pid: number; readonly spec: Spec },
): Promise<void> {
  const { id, createdAt, config } = view;
  const seccomp = seccompProfileOf(config.host, core.config.seccompProfile);
  const linux = seccomp === undefined ? spec.linux : { ...spec.linux, seccomp };
  const record: ContainerRecord = {
    id,
    bundle: core.paths.container(id),
    rootfs: core.paths.staging,
    created: createdAt,
    owner: 'root',
    spec: { ...spec, linux },
    cgroups: { layout: core.host.cgroups, path: cgroupPathOf(core, view), unit: undefined },
    init: identify(pid),
    isReady: true,
    noNewKeyring: false,
  };
  const directory = directoryOf(core, id);
  await mkdir(directory, { recursive: true, mode: 0o711 });
  const path = join(directory, stateFile);
  await writeFile(`${path}.new`, stringifyExact(record), { mode: 0o600 });
  await rename(`${path}.new`, path);
}

/** Of a run that is over. */
export const removeRecord = (core: Core, id: string): Promise<void> => removeDirectory(directoryOf(core, id));
