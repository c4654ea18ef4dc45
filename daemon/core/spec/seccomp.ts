import type { CompiledSeccomp } from '../../../runtime/contract.ts';
import { chooseCapabilities } from '../../../runtime/security/capabilities.ts';
import { defaultSeccomp } from '../../../runtime/security/seccomp-profile.ts';
import { createSeccompCompiler } from '../../../runtime/security/seccomp.ts';
import type { Seccomp } from '../../../runtime/spec.ts';
import type { HostOptions } from '../contract.ts';
import { seccompFromJson } from './seccomp-json.ts';
import { parseSecurityOptions } from './security.ts';

const REMEMBERED = 64;

/** What decides about a container's filter. */
type SeccompChoice = Pick<HostOptions, 'securityOpt' | 'privileged' | 'capAdd' | 'capDrop'>;

/** The profile of a container, for another runtime. */
export function seccompProfileOf(
  host: SeccompChoice,
  daemonProfile: string | undefined,
): Seccomp | undefined {
  const { profile, capabilities } = choose(host, daemonProfile);
  if (profile === 'unconfined') return undefined;
  return profile === 'builtin'
    ? defaultSeccomp(capabilities, process.arch)
    : seccompFromJson(profile, capabilities);
}

/** What a container's filter is made of: `builtin`, `unconfined`, or the text of a profile. */
export const seccompChoiceOf = (host: SeccompChoice, daemonProfile: string | undefined): string =>
  choose(host, daemonProfile).profile;

function choose(
  host: SeccompChoice,
  daemonProfile: string | undefined,
): { readonly profile: string; readonly capabilities: readonly string[] } {
  const { capAdd: add, capDrop: drop, privileged } = host;
  const asked = parseSecurityOptions(host.securityOpt, false).seccomp;
  const profile = asked ?? (privileged ? 'unconfined' : (daemonProfile ?? 'builtin'));
  return { profile, capabilities: chooseCapabilities({ add, drop, privileged }) };
}

/** The filter of a container, undefined for none. Throws `invalid-argument` for a profile that can't be read. */
export type SeccompFor = (host: SeccompChoice) => CompiledSeccomp | undefined;

/** A container that asks for nothing. */
export const PLAIN_CHOICE: SeccompChoice = { securityOpt: [], privileged: false, capAdd: [], capDrop: [] };

/**
 * Compiles each profile once. `daemonProfile`: what a container gets that asks for nothing; undefined is the built-in one,
 * `unconfined` none.
 */
export function createSeccomp(daemonProfile: string | undefined): SeccompFor {
  const compile = createSeccompCompiler();
  const compiled = new Map<string, CompiledSeccomp>();
  return (host) => {
    const { profile, capabilities } = choose(host, daemonProfile);
    if (profile === 'unconfined') return undefined;
    // Making and hashing a profile costs more than attaching it: what decides about it is the key.
    const key = `${capabilities.join()} ${profile}`;
    const known = compiled.get(key);
    if (known !== undefined) return known;
    const fresh = compile(
      profile === 'builtin'
        ? defaultSeccomp(capabilities, process.arch)
        : seccompFromJson(profile, capabilities),
    );
    if (compiled.size >= REMEMBERED) compiled.clear();
    compiled.set(key, fresh);
    return fresh;
  };
}
