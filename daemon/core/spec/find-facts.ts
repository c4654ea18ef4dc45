import { resolveUser } from '../../../runtime/user.ts';
import { cgroupPathOf } from '../cgroups.ts';
import type { Container } from '../contract.ts';
import type { Core } from '../core.ts';
import { grantedDevices, hostDevices } from './devices.ts';
import type { SpecFacts } from './make-spec.ts';

/** Looks up what the specification of a container depends on. Makes nothing. */
export async function findFacts(core: Core, container: Container): Promise<SpecFacts> {
  const { overlay, config } = container;
  const { host, user } = config;
  const [files, granted, everything] = await Promise.all([
    core.accounts.of(overlay),
    grantedDevices(host.resources),
    host.privileged ? hostDevices() : [],
  ]);
  return {
    user: resolveUser(user, files, host.groupAdd),
    granted,
    hostDevices: everything,
    cgroupsPath: cgroupPathOf(core, container),
    ownNetwork: host.networkMode !== 'host',
    cpus: core.host.cpus,
    capabilities: core.host.capabilities,
    noNewPrivileges: core.config.noNewPrivileges,
  };
}
