import { bool, int, list, text } from '../../common/flags/flag.ts';
import { pairs } from '../container/pairs.ts';
import { defineCommand } from '../command.ts';

const pathOf = (network: string, verb: string): string => `/networks/${encodeURIComponent(network)}/${verb}`;

export const networkConnect = defineCommand({
  usage: '[OPTIONS] NETWORK CONTAINER',
  flags: {
    alias: list('A further name of the container in the network', { type: 'strings' }),
    'driver-opt': list('Options of the driver', { type: 'strings' }),
    'gw-priority': int('The highest gives the default gateway; may be negative'),
    ip: text('IPv4 address'),
    ip6: text('IPv6 address'),
    link: list('A further name for another container'),
    'link-local-ip': list('A link-local address', { type: 'strings' }),
  },
  arity: [2, 2],
  run: async ({ daemon, flags, args }) => {
    const [network = '', container = ''] = args;
    await daemon.send({
      method: 'POST',
      path: pathOf(network, 'connect'),
      json: {
        Container: container,
        EndpointConfig: {
          IPAMConfig: {
            IPv4Address: flags.ip || undefined,
            IPv6Address: flags.ip6 || undefined,
            LinkLocalIPs: flags['link-local-ip'],
          },
          Links: flags.link,
          Aliases: flags.alias,
          DriverOpts: pairs(flags['driver-opt']),
          GwPriority: flags['gw-priority'],
        },
      },
    });
    return 0;
  },
});

export const networkDisconnect = defineCommand({
  usage: '[OPTIONS] NETWORK CONTAINER',
  flags: { force: bool('Also what a container left behind', { short: 'f' }) },
  arity: [2, 2],
  run: async ({ daemon, flags, args }) => {
    const [network = '', container = ''] = args;
    await daemon.send({
      method: 'POST',
      path: pathOf(network, 'disconnect'),
      json: { Container: container, Force: flags.force },
    });
    return 0;
  },
});
