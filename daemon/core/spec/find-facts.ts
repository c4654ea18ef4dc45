import { resolveUser } from '../../../runtime/user.ts';
import { cgroupPathOf } from '../cgroups.ts';
import { injectDevices } from '../cdi/inject.ts';
import type { Donors } from '../containers/namespaces.ts';
import type { Container } from '../contract.ts';
import type { Core } from '../core.ts';
import { findBlkioNumbers } from './blkio.ts';
import { grantedDevices, hostDevices } from './devices.ts';
import { usesInit } from './init.ts';
import type { SpecFacts } from './make-spec.ts';

/** Looks up what the specification of a container depends on. Makes nothing. `donors`: whose namespaces it joins. */
export async function findFacts(core: Core, container: Container, donors: Donors): Promise<SpecFacts> {
  const { overlay, config } = container;
  const { host, user } = config;
  await using opened = await core.snapshots.open(core.ctx, overlay);
  const [files, granted, everything, blkioDevices, edits] = await Promise.all([
    core.accounts.of(opened),
    grantedDevices(host.resources),
    host.privileged ? hostDevices() : [],
    findBlkioNumbers(host.resources.blkioDevices),
    injectDevices({ log: core.ctx.log, directories: core.config.cdiDirectories }, host.deviceRequests),
  ]);
  return {
    user: resolveUser(user, files, host.groupAdd),
    granted,
    hostDevices: everything,
    cgroupsPath: cgroupPathOf(core, container),
    ownNetwork: host.networkMode !== 'host',
    cpus: core.host.cpus,
    capabilities: core.host.capabilities,
    initFile: usesInit(core, config) ? core.paths.init(container.id) : undefined,
    noNewPrivileges: core.config.noNewPrivileges,
    donors,
    blkioDevices,
    edits,
    hasAppArmor: core.host.hasAppArmor,
  };
}
