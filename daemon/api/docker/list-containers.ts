import { invalidArgument } from '../../../common/errors.ts';
import type { Container } from '../../core/contract.ts';
import type { Door } from './door.ts';
import { eachValue, parseFilters, type Filters } from './filters.ts';
import { flag, integer, text, type Query } from './query.ts';
import { summarize } from './convert/container-summary.ts';
import { healthOf, HEALTHS } from './convert/health.ts';
import { exitCodeOf, isUp, statusOf, STATUSES } from './convert/state.ts';

const FILTERS = [
  'ancestor',
  'before',
  'exited',
  'expose',
  'health',
  'id',
  'is-task',
  'isolation',
  'label',
  'name',
  'network',
  'publish',
  'since',
  'status',
  'volume',
];

/** Answer of `GET /containers/json`: newest first; running ones only, unless asked for all, a number, or a status. */
export async function listContainers({ engine, ctx }: Door, query: Query): Promise<object[]> {
  const filters = parseFilters(text(query, 'filters'), FILTERS);
  checkValues(filters);
  const limit = integer(query, 'limit') ?? 0;
  const everyState = flag(query, 'all') || limit > 0 || filters.has('status');
  const newestFirst = [...engine.containers.list()].sort(
    (a, b) => Date.parse(b.createdAt) - Date.parse(a.createdAt) || (a.createdAt < b.createdAt ? 1 : -1),
  );
  const wanted = between(newestFirst, filters, (reference) => engine.containers.get(reference))
    .filter(({ state }) => everyState || isUp(state))
    .filter(matcher(filters, engine));
  const networkId = networkIdOf(engine.networks.list());
  const nowMs = Date.now();
  const images = new Map<string, string>();
  return Promise.all(
    (limit > 0 ? wanted.slice(0, limit) : wanted).map(async (container) =>
      summarize(container, {
        image: currentName(container, images, engine.images),
        networkId,
        nowMs,
        size: flag(query, 'size') ? await engine.storage.sizeOf(ctx, container) : undefined,
      }),
    ),
  );
}

function checkValues(filters: Filters): void {
  eachValue(filters, 'exited', (value) => {
    if (!/^-?\d+$/.test(value))
      throw invalidArgument(`invalid filter 'exited=${value}': strconv.Atoi: invalid syntax`);
  });
  eachValue(filters, 'status', (value) => {
    if ((STATUSES as readonly string[]).includes(value)) return;
    throw invalidArgument(
      `invalid filter 'status=${value}': invalid value for state (${value}): must be one of ${STATUSES.join(', ')}`,
    );
  });
  filters.truth('is-task');
  eachValue(filters, 'health', (value) => {
    if ((HEALTHS as readonly string[]).includes(value)) return;
    throw invalidArgument(
      `invalid filter 'health=${value}': invalid value for health (${value}): must be one of ${HEALTHS.join(', ')}`,
    );
  });
}

/** `before` and `since` name containers; the list keeps what was created in between. */
function between(
  newestFirst: readonly Container[],
  filters: Filters,
  get: (reference: string) => Container,
): readonly Container[] {
  const position = (key: string) =>
    filters.values(key).map((reference) => {
      const { id } = get(reference);
      return newestFirst.findIndex((container) => container.id === id);
    });
  const first = Math.max(-1, ...position('before')) + 1;
  const end = Math.min(newestFirst.length, ...position('since'));
  return newestFirst.slice(first, end);
}

function matcher(filters: Filters, engine: Door['engine']): (container: Container) => boolean {
  const ancestors = new Set(filters.values('ancestor').flatMap((name) => imageIds(engine, name)));
  const networks = new Set(
    filters
      .values('network')
      .flatMap((value) =>
        engine.networks
          .list()
          .flatMap(({ id, name }) => (name === value || id.startsWith(value) ? [name] : [])),
      ),
  );
  const isAlive = livesAs(filters);
  const isReached = reachedAs(filters);
  return (container) =>
    (filters.matches('name', container.name) || filters.matches('name', `/${container.name}`)) &&
    filters.prefix('id', container.id) &&
    filters.labels('label', container.config.labels) &&
    isAlive(container) &&
    (!filters.has('ancestor') || ancestors.has(container.imageId)) &&
    (!filters.has('network') || Object.keys(container.config.networks).some((name) => networks.has(name))) &&
    (!filters.has('volume') || filters.values('volume').some((value) => hasMount(container, value))) &&
    filters.exact('isolation', filters.values('isolation').includes('default') ? 'default' : '') &&
    filters.truth('is-task') !== true &&
    isReached(container);
}

/** `status`, `exited`, `health`. */
function livesAs(filters: Filters): (container: Container) => boolean {
  const exits = filters.values('exited').map(Number);
  return (container) =>
    filters.exact('status', statusOf(container.state)) &&
    (exits.length === 0 ||
      (container.state.kind === 'exited' && exits.includes(exitCodeOf(container.state)))) &&
    filters.exact('health', healthOf(container));
}

/** `publish`, `expose`. */
function reachedAs(filters: Filters): (container: Container) => boolean {
  const published = filters.values('publish').map((value) => publishedAs(value));
  return (container) =>
    (!filters.has('publish') || published.some((wanted) => container.ports.some(wanted))) &&
    (!filters.has('expose') || filters.values('expose').some((port) => exposes(container, port)));
}

function imageIds({ images }: Door['engine'], name: string): string[] {
  try {
    return [images.get(name).id];
  } catch {
    return [];
  }
}

const hasMount = ({ mounts }: Container, value: string): boolean =>
  mounts.some(({ name, source, destination }) => [source, destination, name || source].includes(value));

/** `80`, `80/udp`, `8000-8010/tcp`: ports of the host. */
function publishedAs(value: string): (port: Container['ports'][number]) => boolean {
  const match = /^(\d+)(?:-(\d+))?(?:\/(\w+))?$/.exec(value);
  if (match === null) throw invalidArgument(`invalid filter 'publish=${value}'`);
  const [, first = '', last = first, protocol = 'tcp'] = match;
  return (port) =>
    port.protocol === protocol && port.hostPort >= Number(first) && port.hostPort <= Number(last);
}

const exposes = ({ config }: Container, port: string): boolean =>
  Object.hasOwn(config.exposedPorts, port.includes('/') ? port : `${port}/tcp`);

/** A name that points to another image by now is replaced by the id. */
function currentName(
  container: Container,
  seen: Map<string, string>,
  images: Door['engine']['images'],
): string {
  const { imageName, imageId } = container;
  let id = seen.get(imageName);
  if (id === undefined) {
    try {
      id = images.get(imageName).id;
    } catch {
      id = '';
    }
    seen.set(imageName, id);
  }
  return id === imageId ? imageName : imageId;
}

function networkIdOf(networks: readonly { name: string; id: string }[]): (name: string) => string {
  const known = new Map(networks.map(({ name, id }) => [name, id]));
  return (name) => known.get(name) ?? '';
}
