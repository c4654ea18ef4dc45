import { bool, type Flags } from '../../../common/flags/flag.ts';
import { asError, isNotFound } from '../../containerd/errors.ts';
import { print } from '../../output.ts';
import { logLine } from '../log-line.ts';
import { defineCommand } from '../command.ts';
import { labelPaths, readLabels } from '../labels.ts';
import { printTable, showLabels } from '../table.ts';
import { Namespaces } from '../../../daemon/api/containerd/gen/containerd/services/namespaces/v1/namespace_pb.ts';

export const create = defineCommand({
  usage: '<name> [<key>=<value>]',
  flags: {},
  run: async ({ containerd, args: [name, ...labels] }) => {
    if (name === undefined) throw new Error('please specify a namespace');
    await containerd.service(Namespaces).create({ namespace: { name, labels: readLabels(labels) } });
    return 0;
  },
});

export const list = defineCommand({
  usage: '[flags]',
  flags: { quiet: bool('print only the namespace name', { short: 'q' }) },
  run: async ({ containerd, flags }) => {
    const { namespaces } = await containerd.service(Namespaces).list({});
    if (flags.quiet) {
      print(namespaces.map(({ name }) => `${name}\n`).join(''));
      return 0;
    }
    printTable([
      'NAME\tLABELS\t',
      ...namespaces.map(({ name, labels }) => `${name}\t${showLabels(labels)}\t`),
    ]);
    return 0;
  },
});

export const remove = defineCommand({
  usage: '<name> [<name>, ...]',
  flags: { cgroup: bool("delete the namespace's cgroup", { short: 'c' }) } satisfies Flags,
  run: async ({ containerd, flags, args }) => {
    let failure: Error | undefined;
    for (const name of args) {
      try {
        await containerd.service(Namespaces).delete({ name });
        if (flags.cgroup) (await import('./cgroups.ts')).removeCgroups(name);
      } catch (error) {
        if (!isNotFound(error)) {
          failure ??= asError(error);
          logLine('error', `unable to delete ${name}`, error);
          continue;
        }
      }
      print(`${name}\n`);
    }
    if (failure !== undefined) throw failure;
    return 0;
  },
});

export const label = defineCommand({
  usage: '<name> [<key>=<value>, ...]',
  flags: {},
  run: async ({ containerd, args: [name, ...words] }) => {
    if (name === undefined) throw new Error('please specify a namespace');
    const labels = readLabels(words);
    await containerd.service(Namespaces).update({
      namespace: { name, labels },
      updateMask: { paths: labelPaths(labels) },
    });
    return 0;
  },
});
