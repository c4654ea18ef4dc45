import type { Spec } from '../../../runtime/spec.ts';
import { resolveUser } from '../../../runtime/user.ts';
import type { AccountFiles } from '../../../runtime/rootfs-files.ts';
import { mergeEnv } from './env.ts';

/** What a container takes from its image's config (image-spec config.md). */
export interface ImageConfig {
  readonly User?: string;
  readonly Env?: readonly string[] | null;
  readonly Entrypoint?: readonly string[] | null;
  readonly Cmd?: readonly string[] | null;
  readonly WorkingDir?: string;
  readonly StopSignal?: string;
  readonly Labels?: Readonly<Record<string, string>> | null;
}

const DEFAULT_PATH = 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** Sets program, environment, directory and user of the image. Arguments of the caller's take Cmd's place. */
export function applyImageConfig(
  spec: Spec,
  config: ImageConfig,
  { args, accounts }: { readonly args: readonly string[]; readonly accounts: AccountFiles },
): void {
  const { process } = spec;
  const own = config.Env ?? [];
  process.env = mergeEnv(own.length > 0 ? own : [DEFAULT_PATH], process.env ?? []);
  const command = args.length > 0 ? args : (config.Cmd ?? []);
  process.args = [...(config.Entrypoint ?? []), ...command];
  if (process.args.length === 0) throw new Error('no arguments specified');
  process.cwd = config.WorkingDir || '/';
  setUser(spec, config.User ?? '', accounts);
}

/** Who the container's process runs as: docker's USER, resolved in its own files. */
export function setUser(spec: Pick<Spec, 'process'>, user: string, accounts: AccountFiles): void {
  const { uid, gid, additionalGids } = resolveUser(user, accounts);
  spec.process.user = { uid, gid, additionalGids: [...additionalGids] };
}
