import { bool, type Flags } from '../../../common/flags/flag.ts';
import { invalidArgument, messageOf } from '../../../common/errors.ts';
import { asError, isNotImplemented } from '../../containerd/errors.ts';
import { print } from '../../output.ts';
import { logLine } from '../log-line.ts';
import { defineCommand } from '../command.ts';
import { goJson } from '../go-json.ts';
import { readLabels } from '../labels.ts';
import { containerFlags } from '../spec/flags.ts';
import { byName, printTable, showLabels } from '../table.ts';
import { nanoseconds } from '../times.ts';
import { checkCreateArguments, createContainer } from './create-container.ts';
import { deleteContainer } from './delete-container.ts';
import type { Any } from '@bufbuild/protobuf/wkt';
import type { Containerd } from '../../containerd/client.ts';
import {
  Containers,
  type Container,
} from '../../../daemon/api/containerd/gen/containerd/services/containers/v1/containers_pb.ts';

export const create = defineCommand({
  usage: '[flags] Image|RootFS CONTAINER [COMMAND] [ARG...]',
  flags: containerFlags,
  run: async ({ containerd, flags, changed, args }) => {
    try {
      checkCreateArguments({ flags, args });
    } catch (error) {
      throw invalidArgument(`${messageOf(error)}: invalid argument`, { cause: error });
    }
    await createContainer(containerd, { flags, changed, args });
    return 0;
  },
});

export const list = defineCommand({
  usage: '[flags] [<filter>, ...]',
  flags: { quiet: bool('print only the container id', { short: 'q' }) },
  run: async ({ containerd, flags, args }) => {
    const containers = await all(containerd, args);
    if (flags.quiet) {
      print(containers.map(({ id }) => `${id}\n`).join(''));
      return 0;
    }
    const rows = containers.map(
      ({ id, image, runtime }) => `${id}\t${image || '-'}\t${runtime?.name ?? ''}\t`,
    );
    printTable(['CONTAINER\tIMAGE\tRUNTIME\t', ...rows], { minimum: 4, padding: 4 });
    return 0;
  },
});

/** One message a container where the daemon can, else all in one. */
async function all(containerd: Containerd, filters: readonly string[]): Promise<Container[]> {
  const containers = containerd.service(Containers);
  try {
    const found: Container[] = [];
    for await (const { container } of containers.listStream({ filters: [...filters] }))
      if (container) found.push(container);
    return found;
  } catch (error) {
    if (!isNotImplemented(error)) throw error;
    return (await containers.list({ filters: [...filters] })).containers;
  }
}

export const info = defineCommand({
  usage: 'CONTAINER',
  flags: { spec: bool('only display the spec') } satisfies Flags,
  run: async ({ containerd, flags, args: [id] }) => {
    if (id === undefined) throw invalidArgument('container id must be provided: invalid argument');
    const { container } = await containerd.service(Containers).get({ id });
    const spec: unknown = JSON.parse(Buffer.from(container?.spec?.value ?? Buffer.from('null')).toString());
    print(goJson(flags.spec || container === undefined ? spec : { ...shown(container), Spec: spec }));
    return 0;
  },
});

const shown = (container: Container): Record<string, unknown> => ({
  ID: container.id,
  Labels: Object.fromEntries(byName(container.labels)),
  Image: container.image,
  Runtime: {
    Name: container.runtime?.name,
    Options: container.runtime?.options === undefined ? null : anyOf(container.runtime.options),
  },
  SnapshotKey: container.snapshotKey,
  Snapshotter: container.snapshotter,
  CreatedAt: nanoseconds(container.createdAt),
  UpdatedAt: nanoseconds(container.updatedAt),
  Extensions:
    Object.keys(container.extensions).length === 0
      ? null
      : Object.fromEntries(Object.entries(container.extensions).map(([name, value]) => [name, anyOf(value)])),
});

const anyOf = ({ typeUrl, value }: Any): Record<string, string> => ({
  type_url: typeUrl,
  ...(value.length === 0 ? {} : { value: Buffer.from(value).toString('base64') }),
});

export const remove = defineCommand({
  usage: '[flags] CONTAINER [CONTAINER, ...]',
  flags: { 'keep-snapshot': bool('do not clean up snapshot with container') },
  run: async ({ containerd, flags, args }) => {
    if (args.length === 0)
      throw invalidArgument('must specify at least one container to delete: invalid argument');
    let failure: Error | undefined;
    for (const id of args) {
      try {
        await deleteContainer(containerd, id, { keepSnapshot: flags['keep-snapshot'] });
      } catch (error) {
        failure ??= asError(error);
        logLine('error', `failed to delete container "${id}"`, error);
      }
    }
    if (failure !== undefined) throw failure;
    return 0;
  },
});

export const label = defineCommand({
  usage: '[flags] CONTAINER [<key>=<value>, ...]',
  flags: {},
  run: async ({ containerd, args: [id, ...words] }) => {
    if (id === undefined) throw invalidArgument('container id must be provided: invalid argument');
    const labels = readLabels(words);
    // An update must be of something: the paths of the labels, or all labels as they are.
    const paths = Object.keys(labels).map((name) => `labels.${name}`);
    const containers = containerd.service(Containers);
    const { container } =
      paths.length === 0
        ? await containers.get({ id })
        : await containers.update({ container: { id, labels }, updateMask: { paths } });
    print(`${showLabels(container?.labels ?? {})}\n`);
    return 0;
  },
});
