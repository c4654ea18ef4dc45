import { makeCtx, type Ctx } from '../../common/ctx.ts';
import { silentLog } from '../../common/log.ts';
import { makeRegistryClient } from '../../image/registry/client.ts';
import type { Credentials, Repository } from '../../image/registry/contract.ts';
import { makeRegistryHosts } from '../../image/registry/hosts.ts';
import { readCredentials } from '../registry/credentials.ts';
import { serverKey } from '../registry/names.ts';
import type { ManifestName } from './name.ts';

/** Lists are of this client: its user's credentials count, and the daemon's insecure registries do not. */
export interface Remote extends Disposable {
  readonly ctx: Ctx;
  readonly repository: Repository;
}

/** `insecure`: without TLS too, or with a certificate that nobody vouches for, as registries on this machine always may. */
export async function openRemote(
  { repository, host }: ManifestName,
  { access, insecure }: { readonly access: 'pull' | 'push'; readonly insecure: boolean },
): Promise<Remote> {
  const hosts = makeRegistryHosts({ mirrors: [], insecure: insecure ? [host] : [] });
  const client = makeRegistryClient({ hosts });
  return {
    ctx: makeCtx(silentLog),
    repository: client.repository(repository, access, await credentialsFor(host)),
    [Symbol.dispose]: () => client.close(),
  };
}

async function credentialsFor(host: string): Promise<Credentials | undefined> {
  const auth = await readCredentials(serverKey(host));
  if (auth === undefined) return undefined;
  const { username = '', password = '', identitytoken, registrytoken } = auth;
  return {
    ...{ username, password },
    ...(identitytoken === undefined ? {} : { identityToken: identitytoken }),
    ...(registrytoken === undefined ? {} : { registryToken: registrytoken }),
  };
}
