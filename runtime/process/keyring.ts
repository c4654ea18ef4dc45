import { Label, type PlanBuilder } from '../plan/builder.ts';
import type { BecomeOptions } from './contract.ts';
import { setKeyLabel } from './labels.ts';

const KEYCTL_JOIN_SESSION_KEYRING = 1;
const KEYCTL_SETPERM = 5;
/** What the kernel gives a new session keyring (security/keys/process_keys.c): its possessor all, its user to view, read and link. */
const FRESH = 0x3f13_0000;
/** man 7 keyrings: who may search it, and so join it by its name: the user, or in a user namespace anybody there. */
const USER_SEARCH = 0x0008_0000;
const OTHER_SEARCH = 0x0000_0008;

/**
 * Leaves the caller's session keyring for the container's, which its further processes find by its name. Where the kernel has no
 * keyrings there is nothing to leave.
 */
export function joinKeyring(plan: PlanBuilder, options: BecomeOptions): void {
  const { id, process, noNewKeyring, hasUserNamespace, procSelf } = options;
  if (noNewKeyring) return;
  const { selinuxLabel = '' } = process;
  const without = new Label();
  if (selinuxLabel !== '') setKeyLabel(plan, procSelf, selinuxLabel);
  const ring = plan.call('join session keyring', 'keyctl', [KEYCTL_JOIN_SESSION_KEYRING, `_ses.${id}`], {
    save: true,
    ignore: ['ENOSYS'],
    onIgnored: without,
  });
  const permissions = FRESH | (hasUserNamespace ? OTHER_SEARCH : USER_SEARCH);
  plan.call('set keyring permissions', 'keyctl', [KEYCTL_SETPERM, ring, permissions]);
  plan.here(without);
  plan.free(ring);
  if (selinuxLabel !== '') setKeyLabel(plan, procSelf, '');
}
