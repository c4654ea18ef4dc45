import { EndpointConfig } from '../../daemon/api/docker/wire/endpoint.ts';
import { fieldsOf } from './field-cases.ts';
import type { LimitCase } from './limit-fields.ts';

export interface EndpointCase extends LimitCase {
  /** Inspect's JSON has it. */
  readonly shows?: RegExp;
}

/** What the wire type has. */
export const ENDPOINT_FIELDS: readonly string[] = fieldsOf(EndpointConfig, {
  IPAMConfig: fieldsOf(EndpointConfig.properties.IPAMConfig),
});

/** Settings of an endpoint that a client sets, a case each. The network is 10.77.0.0/24 and fd77::/64, and `known` runs in it. */
export const ENDPOINT: Readonly<Record<string, EndpointCase>> = {
  'IPAMConfig.IPv4Address': {
    ask: { IPAMConfig: { IPv4Address: '10.77.0.77' } },
    script: 'ip -4 addr',
    says: /10\.77\.0\.77\/24/,
  },
  'IPAMConfig.IPv6Address': {
    ask: { IPAMConfig: { IPv6Address: 'fd77::77' } },
    script: 'ip -6 addr',
    says: /fd77::77\/64/,
  },
  'IPAMConfig.LinkLocalIPs': {
    ask: { IPAMConfig: { LinkLocalIPs: ['169.254.7.7'] } },
    script: 'ip -4 addr',
    says: /169\.254\.7\.7/,
  },
  Links: { ask: { Links: ['known:alias'] }, script: 'nslookup alias', says: /10\.77\.0\./ },
  Aliases: { ask: { Aliases: ['myself'] }, script: 'nslookup myself', says: /10\.77\.0\./ },
  MacAddress: {
    ask: { MacAddress: '02:42:0a:4d:00:99' },
    script: 'cat /sys/class/net/*/address',
    says: /^02:42:0a:4d:00:99$/m,
  },
  DriverOpts: {
    ask: { DriverOpts: { 'com.docker.network.endpoint.ifname': 'lan7' } },
    script: 'cat /sys/class/net/lan7/operstate',
    says: /^up$/,
  },
  GwPriority: { ask: { GwPriority: 9 }, shows: /"GwPriority":9/ },
};
