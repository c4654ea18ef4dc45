import { messageOf } from '../../common/errors.ts';
import { defineCommand } from '../command.ts';
import { notListed, readList, removeList } from '../manifest/lists.ts';
import { manifestName } from '../manifest/name.ts';
import { printError } from '../output.ts';

/** Removes each that can be; says nothing of them, as docker. */
export const manifestRm = defineCommand({
  usage: 'MANIFEST_LIST [MANIFEST_LIST...]',
  flags: {},
  arity: [1],
  run: async ({ args }) => {
    let status = 0;
    for (const given of args) {
      try {
        const { text } = manifestName(given);
        if (readList(text) === undefined) throw notListed(text);
        removeList(text);
      } catch (error) {
        printError(`${messageOf(error)}\n`);
        status = 1;
      }
    }
    return status;
  },
});
