import { invalidArgument } from '../../../common/errors.ts';
import { placeWrites, type PlacedWrites } from '../../../runtime/cgroup/writes.ts';
import { missingBind } from '../../../runtime/rootfs/binds.ts';
import type { Spec } from '../../../runtime/spec.ts';
import { cgroupPathOf } from '../cgroups.ts';
import { networkDonor, reserveRequestOf } from '../containers/join-networks.ts';
import { withLinks } from '../containers/links.ts';
import { findDonors } from '../containers/namespaces.ts';
import { previewPorts } from '../containers/publish.ts';
import { startFailure, type StartFailure } from '../containers/start-failure.ts';
import type { Container } from '../contract.ts';
import type { Core } from '../core.ts';
import type { Sandbox } from '../networks/types.ts';
import { findRuntime, runtimeOf } from '../runtimes/choose.ts';
import { findFacts } from '../spec/find-facts.ts';
import { makeSpec } from '../spec/make-spec.ts';
import { seccompChoiceOf } from '../spec/seccomp.ts';
import type { PlannedMount, StartPlan } from './contract.ts';

/** A sock_filter. */
const INSTRUCTION_BYTES = 8;

/** The steps of a start, in its order, each without the effect; what one of them throws is a problem, and the others go on. */
export async function planStart(
  core: Core,
  view: Container,
  mounts: readonly PlannedMount[],
): Promise<StartPlan> {
  const problems: StartFailure[] = [];
  const attempt = async <T>(step: () => T | Promise<T>): Promise<T | undefined> => {
    try {
      return await step();
    } catch (error) {
      problems.push(startFailure(error));
      return undefined;
    }
  };
  const sandbox = await attempt(() => core.networks.preview(view.id, reserveRequestOf(core, view)));
  const ports = sandbox && (await attempt(() => previewPorts(core, { view, sandbox })));
  await attempt(() => checkRuntime(core, view));
  const spec = sandbox && (await attempt(() => specOf(core, view, sandbox)));
  const limits = await attempt(() => limitsOf(core, spec));
  const seccomp = await attempt(() => seccompOf(core, view));
  for (const { point, source } of mounts) {
    if (source === 'missing') problems.push(startFailure(invalidArgument(missingBind(point.source))));
  }
  return {
    ...{ sandbox, spec, problems },
    ports: ports ?? [],
    cgroupPath: cgroupPathOf(core, view),
    limits: limits ?? [],
    seccomp: seccomp ?? { profile: '', instructions: 0 },
  };
}

async function checkRuntime(core: Core, view: Container): Promise<void> {
  const chosen = runtimeOf(core, view);
  if (chosen !== undefined) await findRuntime(chosen);
}

async function specOf(core: Core, view: Container, sandbox: Sandbox): Promise<Spec> {
  const donors = { ...findDonors(core, view), network: networkDonor(core, sandbox) };
  return makeSpec(withLinks(core, view), await findFacts(core, view, donors));
}

const limitsOf = (core: Core, spec: Spec | undefined): readonly PlacedWrites[] =>
  placeWrites({ layout: core.host.cgroups, resources: spec?.linux.resources ?? {} }, true);

function seccompOf(core: Core, { config }: Container): StartPlan['seccomp'] {
  const { program } = core.seccompFor(config.host) ?? {};
  return {
    profile: seccompChoiceOf(config.host, core.config.seccompProfile),
    instructions: (program?.byteLength ?? 0) / INSTRUCTION_BYTES,
  };
}
