import { invalidArgument } from '../../common/errors.ts';
import { bool } from '../../common/flags/flag.ts';
import { defineCommand } from '../command.ts';
import { fetchManifest } from '../manifest/fetch.ts';
import { readList, readListed, writeListed } from '../manifest/lists.ts';
import { manifestName, manifestNameFor } from '../manifest/name.ts';
import { print } from '../output.ts';

/** The list is only here until it is pushed; what it has of a manifest already is not fetched again. */
export const manifestCreate = defineCommand({
  usage: 'MANIFEST_LIST MANIFEST [MANIFEST...]',
  flags: {
    amend: bool('Add to a list that exists', { short: 'a' }),
    insecure: bool('Speak to a registry without TLS too, or with any certificate'),
  },
  arity: [2],
  run: async ({ flags, args: [given = '', ...manifests] }) => {
    const list = manifestNameFor('error parsing name for manifest list', given);
    if (readList(list.text) !== undefined && !flags.amend)
      throw invalidArgument('refusing to amend an existing manifest list with no --amend flag');
    for (const each of manifests) {
      const name = manifestName(each);
      const known = readListed(list.text, name.text);
      const isWhole = known?.Raw !== undefined && known.Raw !== '';
      const listed = isWhole ? known : await fetchManifest(name, flags.insecure);
      writeListed(list.text, name.text, listed);
    }
    print(`Created manifest list ${list.text}\n`);
    return 0;
  },
});
