import { notFound } from '../../common/errors.ts';
import { bool } from '../../common/flags/flag.ts';
import { defineCommand } from '../command.ts';
import { notListed, readList, removeList } from '../manifest/lists.ts';
import { manifestName } from '../manifest/name.ts';
import { pushList } from '../manifest/push.ts';
import { print } from '../output.ts';

export const manifestPush = defineCommand({
  usage: '[OPTIONS] MANIFEST_LIST',
  flags: {
    insecure: bool('Speak to a registry without TLS too, or with any certificate'),
    purge: bool('Remove the local list once the registry has it', { short: 'p' }),
  },
  arity: [1, 1],
  run: async ({ flags, args: [given = ''] }) => {
    const list = manifestName(given);
    const manifests = readList(list.text);
    if (manifests === undefined) throw notListed(list.text);
    if (manifests.length === 0) throw notFound(`${list.text} not found`);
    const digest = await pushList(list, manifests, {
      insecure: flags.insecure,
      onPushed: (name, pushed) => print(`Pushed ref ${name} with digest: ${pushed}\n`),
    });
    print(`${digest}\n`);
    if (flags.purge) removeList(list.text);
    return 0;
  },
});
