import { defineCommand } from '../command.ts';
import { print } from '../output.ts';

interface Checked {
  readonly Container: string;
  readonly Skipped: boolean;
  readonly Error: string;
}

interface Readiness {
  readonly Ready?: boolean;
  readonly Error?: string;
}

/** STATUS of the networks and CHECK of every container in them; fails if plugins are not ready, or one is not as they made it. */
export const networkCheck = defineCommand({
  usage: 'NETWORK [NETWORK...]',
  flags: {},
  arity: [1, Infinity],
  run: async ({ daemon, args }) => {
    let failed = false;
    for (const name of args) {
      const ask = async (verb: string): Promise<unknown> => {
        const path = `/wherry/networks/${encodeURIComponent(name)}/${verb}`;
        return JSON.parse(await (await daemon.send({ method: 'POST', path })).text());
      };
      const { Ready, Error: why } = (await ask('status')) as Readiness;
      if (Ready !== undefined) print(`${name}  ${Ready ? 'ready' : why}\n`);
      failed ||= Ready === false;
      for (const { Container, Skipped, Error } of (await ask('check')) as Checked[]) {
        print(`${Container.slice(0, 12)}  ${Error === '' ? (Skipped ? 'not checked' : 'ok') : Error}\n`);
        failed ||= Error !== '';
      }
    }
    return failed ? 1 : 0;
  },
});
