import { VERSION } from '../../common/version.ts';
import { print } from '../output.ts';
import { defineCommand } from './command.ts';
import { Introspection } from '../../daemon/api/containerd/gen/containerd/services/introspection/v1/introspection_pb.ts';
import { Version } from '../../daemon/api/containerd/gen/containerd/services/version/v1/version_pb.ts';

export const version = defineCommand({
  usage: '',
  flags: {},
  run: async ({ containerd }) => {
    print(`Client:\n  Version:  ${VERSION}\n  Node version: ${process.version}\n\n`);
    const [server, { uuid }] = await Promise.all([
      containerd.service(Version).version({}),
      containerd.service(Introspection).server({}),
    ]);
    print(`Server:\n  Version:  ${server.version}\n  Revision: ${server.revision}\n  UUID: ${uuid}\n`);
    return 0;
  },
});
