import type { NetlinkConnection, NetlinkRequest } from '../../../native/netlink/connection.ts';
import {
  interfaceIs,
  isEstablished,
  masquerade,
  sourceIn,
  verdict,
} from '../../../native/netlink/nftables-expressions.ts';
import {
  addBaseChain,
  addRule,
  addTable,
  batchBegin,
  batchEnd,
  deleteTable,
} from '../../../native/netlink/nftables.ts';
import { be32 } from '../../../native/netlink/message.ts';
import type { Subnet } from './subnet.ts';

/**
 * The nftables table of one bridge. What it accepts, another table of the host may still drop; so the host's firewall is
 * respected, and none of its tables is touched.
 *
 *     table ip wherry {
 *       chain postrouting { type nat hook postrouting priority srcnat; policy accept;
 *         ip saddr 172.17.0.0/16 oifname != "wherry0" masquerade
 *       }
 *       chain forward { type filter hook forward priority filter; policy accept;
 *         oifname "wherry0" ct state established,related accept
 *         iifname "wherry0" accept                     # icc false: oifname != "wherry0" as well
 *         oifname "wherry0" drop                       # nothing from outside reaches what is not published
 *       }
 *     }
 */
export interface FirewallOptions {
  readonly bridgeName: string;
  readonly subnet: Subnet;
  readonly masquerade: boolean;
  readonly icc: boolean;
}

const PRIORITY_FILTER = 0;
const PRIORITY_SRCNAT = 100;

/** One table a bridge, so that daemons side by side do not collide: `wherry` for `wherry0`, else `wherry-<bridge>`. */
export const tableName = (bridgeName: string): string =>
  bridgeName === 'wherry0' ? 'wherry' : `wherry-${bridgeName}`;

/** Puts the table in place of the one of before, at once; no packet sees a state between. */
export function putFirewall(netfilter: NetlinkConnection, options: FirewallOptions): void {
  netfilter.batch([...removal(options.bridgeName), ...addition(options), ending]);
}

/** Nothing if there is no table. */
export function removeFirewall(netfilter: NetlinkConnection, bridgeName: string): void {
  netfilter.batch([...removal(bridgeName), ending]);
}

const ending: NetlinkRequest = { action: 'commit the nftables rules', message: batchEnd() };

/** Added first, so that there is one to delete. */
function removal(bridgeName: string): NetlinkRequest[] {
  const table = tableName(bridgeName);
  return [
    { action: 'begin a batch of nftables rules', message: batchBegin() },
    { action: `add nftables table "${table}"`, message: addTable(table) },
    { action: `delete nftables table "${table}"`, message: deleteTable(table) },
  ];
}

function addition(options: FirewallOptions): NetlinkRequest[] {
  const table = tableName(options.bridgeName);
  const requests = [{ action: `add nftables table "${table}"`, message: addTable(table) }];
  for (const { name, type, priority, rules } of chains(options)) {
    requests.push({
      action: `add nftables chain "${table} ${name}"`,
      message: addBaseChain({ table, name, type, hook: name, priority }),
    });
    requests.push(
      ...rules.map((expressions, index) => ({
        action: `add rule ${index + 1} to nftables chain "${table} ${name}"`,
        message: addRule(table, name, expressions),
      })),
    );
  }
  return requests;
}

function chains({ bridgeName, subnet, masquerade: masked, icc }: FirewallOptions) {
  const fromBridge = interfaceIs('iifname', '==', bridgeName);
  const toBridge = interfaceIs('oifname', '==', bridgeName);
  const toElsewhere = interfaceIs('oifname', '!=', bridgeName);
  const fromContainers = sourceIn(be32(subnet.network), subnet.prefixLength);
  return [
    {
      name: 'postrouting',
      type: 'nat',
      priority: PRIORITY_SRCNAT,
      rules: masked ? [[...fromContainers, ...toElsewhere, ...masquerade()]] : [],
    },
    {
      name: 'forward',
      type: 'filter',
      priority: PRIORITY_FILTER,
      rules: [
        [...toBridge, ...isEstablished(), ...verdict('accept')],
        [...fromBridge, ...(icc ? [] : toElsewhere), ...verdict('accept')],
        [...toBridge, ...verdict('drop')],
      ],
    },
  ] as const;
}
