import type { Daemon } from '../http/daemon.ts';

/** What a daemon is asked for the names of; running and stopped are containers. */
export type Objects = 'containers' | 'running' | 'stopped' | 'images' | 'networks' | 'volumes' | 'contexts';

/** A hung daemon must not hang a shell. */
const PATIENCE_MS = 1000;

/** Names of objects; none if the daemon does not answer soon. */
export async function namesOf(daemon: Daemon, kind: Objects): Promise<readonly string[]> {
  const late = new Promise<string[]>((resolve) => setTimeout(() => resolve([]), PATIENCE_MS).unref());
  return Promise.race([late, ask(daemon, kind).catch(() => [])]);
}

async function ask(daemon: Daemon, kind: Objects): Promise<readonly string[]> {
  const json = async (path: string, query = {}): Promise<unknown> =>
    JSON.parse(await (await daemon.send({ method: 'GET', path, query })).text());
  switch (kind) {
    case 'containers':
    case 'running':
    case 'stopped': {
      const all = (await json('/containers/json', { all: 1 })) as { Names: string[]; State: string }[];
      const isUp = (state: string): boolean => ['running', 'paused', 'restarting'].includes(state);
      return all
        .filter(({ State }) => kind === 'containers' || isUp(State) === (kind === 'running'))
        .flatMap(({ Names }) => Names.slice(0, 1).map((name) => name.slice(1)));
    }
    case 'images': {
      const images = (await json('/images/json')) as { RepoTags: string[] | null }[];
      return images.flatMap(({ RepoTags }) =>
        (RepoTags ?? []).flatMap((tag) => [tag, ...(tag.endsWith(':latest') ? [tag.slice(0, -7)] : [])]),
      );
    }
    case 'networks':
      return ((await json('/networks')) as { Name: string }[]).map(({ Name }) => Name);
    case 'volumes': {
      const { Volumes } = (await json('/volumes')) as { Volumes: { Name: string }[] | null };
      return (Volumes ?? []).map(({ Name }) => Name);
    }
    case 'contexts': {
      const { listContexts } = await import('../context/store.ts');
      return ['default', ...listContexts().map(({ Name }) => Name)];
    }
  }
}
