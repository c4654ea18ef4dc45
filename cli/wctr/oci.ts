import { print } from '../output.ts';
import { defineCommand } from './command.ts';
import { goJson } from './go-json.ts';
import { baseSpec } from './spec/base.ts';

export const spec = defineCommand({
  usage: '',
  flags: {},
  run: ({ containerd }) => {
    const made = baseSpec(`/${containerd.namespace}`);
    const { args: _args, env: _env, ...process } = made.process;
    const { linux } = made;
    // What a container may use for want of another device is given with its program.
    const devices = linux.resources?.devices?.filter(({ allow }) => !allow) ?? [];
    print(goJson({ ...made, process, linux: { ...linux, resources: { devices } } }));
    return Promise.resolve(0);
  },
});
