import { bool, list, text } from '../../common/flags/flag.ts';
import { pairs } from '../container/pairs.ts';
import { defineCommand } from '../command.ts';
import { ipamConfig } from '../network/ipam.ts';
import { print } from '../output.ts';

export const networkCreate = defineCommand({
  usage: '[OPTIONS] NETWORK',
  flags: {
    attachable: bool('Let containers be attached by hand'),
    'aux-address': list('Addresses that are never given out (name=address)', { type: 'map', shown: 'map[]' }),
    'config-from': text('The network that the configuration is copied from'),
    'config-only': bool('Make a network that is only a configuration'),
    driver: text('Driver of the network', { short: 'd', initial: 'bridge', shown: '"bridge"' }),
    gateway: list('Gateway of a subnet', { type: 'strings' }),
    ingress: bool("Make swarm's routing mesh"),
    internal: bool('No way out of the network'),
    'ip-range': list('Give addresses out of a part of a subnet', { type: 'strings' }),
    'ipam-driver': text('Driver of the addresses', { initial: 'default', shown: '"default"' }),
    'ipam-opt': list('Options of the driver of the addresses', { type: 'map', shown: 'map[]' }),
    ipv4: bool('IPv4 addresses', { initial: true, shown: 'true' }),
    ipv6: bool('IPv6 addresses'),
    label: list('Set metadata on the network'),
    opt: list("Options of the driver ('--opt name=value')", { short: 'o', type: 'map', shown: 'map[]' }),
    scope: text("Where the network exists ('local')"),
    subnet: list('Subnets in CIDR notation', { type: 'strings' }),
  },
  notes: `Drivers:
  bridge     A bridge of the host (the default); options com.docker.network.*
  macvlan    A device of its own on the wire of -o parent=INTERFACE; -o macvlan_mode=MODE
  ipvlan     The same with the parent's MAC; -o ipvlan_mode=l2|l3|l3s
  cni        What a chain of CNI plugins makes (conflist, 0.3.1 to 1.0.0)

Options of the driver cni:
  conflist=PATH   The network list, read by the daemon at each start of a container
  name=NAME       The same by its name, out of /etc/cni/net.d (the daemon's cni-conf-dirs)
  timeout=30s     How long a plugin may take for one call (the daemon's cni-timeout)
  args=A=1;B=2    Further CNI_ARGS
  ingress-rate=10m, ingress-burst, egress-rate, egress-burst
                  Bits (a second), for plugins with the capability bandwidth
Of one container, as driver-opt: args and the four of bandwidth. Ports are published where a plugin has the
capability portMappings, --ip and --mac-address by ips and mac or as CNI_ARGS. 'wherry network check' is STATUS and CHECK.`,
  arity: [1, 1],
  run: async ({ daemon, flags, args, changed }) => {
    const answer = await daemon.send({
      method: 'POST',
      path: '/networks/create',
      json: {
        Name: args[0],
        Driver: flags.driver,
        Scope: flags.scope || undefined,
        EnableIPv4: changed.has('ipv4') ? flags.ipv4 : undefined,
        EnableIPv6: changed.has('ipv6') ? flags.ipv6 : undefined,
        IPAM: { Driver: flags['ipam-driver'], Options: pairs(flags['ipam-opt']), Config: ipamConfig(flags) },
        Internal: flags.internal,
        Attachable: flags.attachable,
        Ingress: flags.ingress,
        ConfigOnly: flags['config-only'],
        ConfigFrom: flags['config-from'] === '' ? undefined : { Network: flags['config-from'] },
        Options: pairs(flags.opt),
        Labels: pairs(flags.label),
      },
    });
    print(`${(JSON.parse(await answer.text()) as { Id: string }).Id}\n`);
    return 0;
  },
});
