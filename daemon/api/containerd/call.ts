import type { HandlerContext } from '@connectrpc/connect';
import { makeCtx, type Ctx } from '../../../common/ctx.ts';
import type { Log } from '../../../common/log.ts';
import type { Scope } from '../../../image/namespaces/scope.ts';
import { precluded } from '../../../image/namespaces/errors.ts';
import { checkIdentifier } from '../../core/containerd/identifier.ts';

const NAMESPACE_HEADER = 'containerd-namespace';
const LEASE_HEADER = 'containerd-lease';

/** Ends when the client goes, or its deadline passes. */
export const ctxOf = (log: Log, { signal }: HandlerContext): Ctx => makeCtx(log, signal);

/** Who gets what the call makes. Throws as `namespaceOf` does. */
export const scopeOf = (context: HandlerContext): Scope => ({
  namespace: namespaceOf(context),
  lease: context.requestHeader.get(LEASE_HEADER) ?? undefined,
});

/** Throws `conflict` for a call without a namespace, `invalid-argument` for one that can't be. */
export function namespaceOf({ requestHeader }: HandlerContext): string {
  const namespace = requestHeader.get(NAMESPACE_HEADER) ?? '';
  if (namespace === '') throw precluded('namespace is required');
  checkIdentifier(namespace, 'namespace validation: ');
  return namespace;
}
