import { declares } from '../../../../common/cni/chain.ts';
import type { Attachment, Carrier } from './contract.ts';
import { hostLinkIn } from './result.ts';

/** Cni.carrierOf. */
export function carrierOf(attachment: Attachment | undefined): Carrier | undefined {
  if (attachment?.result === undefined) return undefined;
  const { chain, result } = attachment;
  const plugin = chain.plugins.find((each) => declares({ plugins: [each] }, 'portMappings'));
  return plugin === undefined ? undefined : { plugin: plugin.type, link: hostLinkIn(result) };
}
