import type { Daemon } from '../http/daemon.ts';
import { followProgress } from '../http/show-progress.ts';
import { showProgress } from '../http/progress.ts';
import { registryHeaders } from './credentials.ts';
import { parseName } from './names.ts';

export interface PullOptions {
  readonly allTags: boolean;
  readonly platform: string;
  readonly quiet: boolean;
  /** Where progress goes if not to stdout: of `run`, whose stdout is the container's. */
  readonly write?: (text: string) => void;
}

/** Asks the daemon to pull, with the credentials that are kept here, and shows what it says. */
export async function pullImage(daemon: Daemon, image: string, options: PullOptions): Promise<void> {
  const { repository, tag, digest } = parseName(image);
  const { body } = await daemon.send({
    method: 'POST',
    path: '/images/create',
    query: {
      fromImage: repository,
      tag: options.allTags ? undefined : (digest ?? tag ?? 'latest'),
      platform: options.platform || undefined,
    },
    headers: await registryHeaders(repository),
  });
  if (options.write === undefined) await followProgress(body, options.quiet);
  else await showProgress(body, options.quiet ? () => undefined : options.write);
}
