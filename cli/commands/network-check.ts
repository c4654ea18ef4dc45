import { defineCommand } from '../command.ts';
import { print } from '../output.ts';

interface Checked {
  readonly Container: string;
  readonly Skipped: boolean;
  readonly Error: string;
}

/** CHECK of every container in the networks; fails if one is not as its plugins made it. */
export const networkCheck = defineCommand({
  usage: 'NETWORK [NETWORK...]',
  flags: {},
  arity: [1, Infinity],
  run: async ({ daemon, args }) => {
    let failed = false;
    for (const name of args) {
      const path = `/wherry/networks/${encodeURIComponent(name)}/check`;
      const answer = await daemon.send({ method: 'POST', path });
      for (const { Container, Skipped, Error } of JSON.parse(await answer.text()) as Checked[]) {
        print(`${Container.slice(0, 12)}  ${Error === '' ? (Skipped ? 'not checked' : 'ok') : Error}\n`);
        failed ||= Error !== '';
      }
    }
    return failed ? 1 : 0;
  },
});
