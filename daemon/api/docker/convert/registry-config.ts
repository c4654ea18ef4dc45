import { isIPv4 } from 'node:net';
import { parseAddress, subnetOf, subnetText } from '../../../core/networks/subnet.ts';
import { differs, type ApiVersion } from '../versions.ts';

/** As the configuration has them: origins of URLs; `host[:port]` and networks. */
export interface ShownRegistries {
  readonly mirrors: readonly string[];
  readonly insecure: readonly string[];
}

interface Index {
  readonly Name: string;
  readonly Mirrors: readonly string[];
  readonly Secure: boolean;
  readonly Official: boolean;
}

const HUB = 'docker.io';
/** Those of the host itself need no vouching for, whatever is configured. */
const LOOPBACK = ['::1/128', '127.0.0.0/8'];
const NETWORK = /^(.+)\/(\d+)$/;

/** `RegistryConfig` of `GET /info`, in docker's form: mirrors are the hub's, insecure names are indexes of their own. */
export function showRegistries({ mirrors, insecure }: ShownRegistries, version: ApiVersion): object {
  const shown = mirrors.map((mirror) => `${mirror}/`);
  const networks = insecure.filter((entry) => NETWORK.test(entry)).map(networkText);
  const indexes: Record<string, Index> = {};
  for (const name of insecure.filter((entry) => !NETWORK.test(entry)))
    indexes[name] = { Name: name, Mirrors: [], Secure: false, Official: false };
  indexes[HUB] = { Name: HUB, Mirrors: shown, Secure: true, Official: true };
  return {
    ...(differs.showsNondistributable(version)
      ? { AllowNondistributableArtifactsCIDRs: null, AllowNondistributableArtifactsHostnames: null }
      : {}),
    InsecureRegistryCIDRs: [...new Set([...networks, ...LOOPBACK])],
    IndexConfigs: indexes,
    Mirrors: shown,
  };
}

/** Without the bits of a host; `10.1.2.3/8` is `10.0.0.0/8`. */
function networkText(entry: string): string {
  const [, address = '', bits = ''] = NETWORK.exec(entry) ?? [];
  return isIPv4(address) ? subnetText(subnetOf(parseAddress(address), Number(bits))) : entry.toLowerCase();
}
