import { readFileSync } from 'node:fs';
import { invalidArgument } from '../../../common/errors.ts';
import { text } from '../../../common/flags/flag.ts';
import { loadRecord, lockContainer } from '../../container/state-directory.ts';
import { updateContainer } from '../../container/update.ts';
import { validateResources } from '../../validate/config.ts';
import { parse } from '../load-config.ts';
import { resourceFlags, resourcesOf } from '../resource-flags.ts';
import { verb } from '../verb.ts';

export const entry = verb({
  usage: '[OPTIONS] CONTAINER',
  flags: {
    resources: text('File with the resources to change as JSON, or - for stdin; other flags are ignored', {
      short: 'r',
    }),
    ...resourceFlags,
    'l3-cache-schema': text('Schema of Intel RDT/CAT'),
    'mem-bw-schema': text('Schema of Intel RDT/MBA'),
  },
  arity: [1, 1],
  run: async ({ settings, flags, args: [id = ''] }) => {
    if (flags['l3-cache-schema'] !== '')
      throw invalidArgument('Intel RDT/CAT: l3 cache schema is not enabled');
    if (flags['mem-bw-schema'] !== '')
      throw invalidArgument('Intel RDT/MBA: memory bandwidth schema is not enabled');
    loadRecord(settings.root, id);
    const asked = validateResources(flags.resources === '' ? resourcesOf(flags) : readJson(flags.resources));
    asked.warnings.forEach(settings.warn);
    const update = asked.resources;
    if (update.memory?.kernel !== undefined || update.memory?.kernelTCP !== undefined)
      settings.warn('Kernel memory settings are ignored and will be removed');
    using _ = lockContainer(settings.root, id);
    await updateContainer(settings, loadRecord(settings.root, id), update);
    return 0;
  },
});

const readJson = (path: string): unknown => parse(readFileSync(path === '-' ? 0 : path, 'utf8'), path);
