import { bool } from '../../../common/flags/flag.ts';
import { print } from '../../output.ts';
import { defineCommand } from '../command.ts';
import { expiring, randomLeaseId } from '../leases/lease.ts';
import { Content } from '../../../daemon/api/containerd/gen/containerd/services/content/v1/content_pb.ts';
import { Leases } from '../../../daemon/api/containerd/gen/containerd/services/leases/v1/leases_pb.ts';

/** What keeps a layer's blob; older clients number a manifest's children, its config first. */
const LAYER_REFERENCE = /^containerd\.io\/gc\.ref\.content\.(l\.|[1-9]\d*$)/;
const MINUTE_MS = 60_000;

export const pruneReferences = defineCommand({
  usage: '[flags]',
  flags: {
    async: bool('allow garbage collection to cleanup asynchronously'),
    dry: bool('just show updates without applying'),
  },
  run: async ({ containerd, flags }) => {
    const content = containerd.service(Content);
    for await (const { info } of content.list({})) {
      for (const { digest, labels } of info) {
        const names = Object.keys(labels).filter((name) => LAYER_REFERENCE.test(name));
        if (names.length === 0) continue;
        if (flags.dry) print(names.map((name) => `${digest} ${name}\n`).join(''));
        else
          await content.update({
            info: { digest },
            updateMask: { paths: names.map((name) => `labels.${name}`) },
          });
      }
    }
    if (flags.dry) return 0;
    // The end of a lease is what a collection is waited for by.
    const leases = containerd.service(Leases);
    const { lease } = await leases.create({ id: randomLeaseId(), labels: expiring(MINUTE_MS) });
    await leases.delete({ id: lease?.id ?? '', sync: !flags.async });
    return 0;
  },
});
