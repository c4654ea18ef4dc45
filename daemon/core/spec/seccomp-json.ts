import { release } from 'node:os';
import { invalidArgument } from '../../../common/errors.ts';
import type { Seccomp } from '../../../runtime/spec.ts';

/** Docker's profile format: the specification's, with conditions on capabilities, machine and kernel. */
interface Profile {
  readonly defaultAction?: string;
  readonly defaultErrnoRet?: number;
  readonly architectures?: readonly string[];
  readonly archMap?: readonly {
    readonly architecture: string;
    readonly subArchitectures?: readonly string[];
  }[];
  readonly flags?: readonly string[];
  readonly syscalls?: readonly Rule[];
}

interface Rule {
  readonly names?: readonly string[];
  readonly name?: string;
  readonly action: string;
  readonly errnoRet?: number;
  readonly args?: readonly { index: number; value: number; valueTwo?: number; op: string }[] | null;
  readonly includes?: Conditions;
  readonly excludes?: Conditions;
}

interface Conditions {
  readonly caps?: readonly string[];
  readonly arches?: readonly string[];
  readonly minKernel?: string;
}

const MACHINES: Readonly<Record<string, { readonly go: string; readonly seccomp: string }>> = {
  x64: { go: 'amd64', seccomp: 'SCMP_ARCH_X86_64' },
  arm64: { go: 'arm64', seccomp: 'SCMP_ARCH_AARCH64' },
};

/** A profile's JSON text for a container with these capabilities on this host. Throws `invalid-argument` with docker's text. */
export function seccompFromJson(text: string, capabilities: readonly string[]): Seccomp {
  const profile = parse(text);
  const machine = MACHINES[process.arch];
  const met = (conditions: Conditions): boolean[] => [
    ...(conditions.caps ?? []).map((name) => capabilities.includes(name)),
    ...(conditions.arches === undefined || conditions.arches.length === 0
      ? []
      : [conditions.arches.includes(machine?.go ?? '')]),
    ...(conditions.minKernel === undefined ? [] : [kernelIsAtLeast(conditions.minKernel)]),
  ];
  const rules = (profile.syscalls ?? []).filter(
    ({ includes = {}, excludes = {} }) => met(includes).every(Boolean) && !met(excludes).some(Boolean),
  );
  const mapped = profile.archMap?.find(({ architecture }) => architecture === machine?.seccomp);
  const architectures =
    mapped === undefined ? profile.architectures : [mapped.architecture, ...(mapped.subArchitectures ?? [])];
  return {
    defaultAction: profile.defaultAction ?? '',
    ...(profile.defaultErrnoRet === undefined ? {} : { defaultErrnoRet: profile.defaultErrnoRet }),
    ...(architectures === undefined || architectures.length === 0
      ? {}
      : { architectures: [...architectures] }),
    ...(profile.flags === undefined ? {} : { flags: [...profile.flags] }),
    syscalls: rules.map((rule) => ({
      names: [...(rule.names ?? []), ...(rule.name === undefined ? [] : [rule.name])],
      action: rule.action,
      ...(rule.errnoRet === undefined ? {} : { errnoRet: rule.errnoRet }),
      args: [...(rule.args ?? [])],
    })),
  };
}

function parse(text: string): Profile {
  try {
    const profile: unknown = JSON.parse(text);
    if (typeof profile === 'object' && profile !== null && 'defaultAction' in profile)
      return profile as Profile;
  } catch (error) {
    throw invalidArgument(`Decoding seccomp profile failed: ${String(error)}`, { cause: error });
  }
  throw invalidArgument('Decoding seccomp profile failed: it has no defaultAction');
}

function kernelIsAtLeast(version: string): boolean {
  const numbers = (text: string): number[] => text.split(/[.-]/).slice(0, 2).map(Number);
  const [major = 0, minor = 0] = numbers(release());
  const [wantedMajor = 0, wantedMinor = 0] = numbers(version);
  return major > wantedMajor || (major === wantedMajor && minor >= wantedMinor);
}
