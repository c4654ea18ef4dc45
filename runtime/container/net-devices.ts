import { invalidArgument } from '../../common/errors.ts';
import { addressAgain, dumpAllAddresses } from '../../native/netlink/address.ts';
import { connectNetlink } from '../../native/netlink/connection.ts';
import { dumpLinks, lowerLink, moveLink, parseLink, raiseLink } from '../../native/netlink/link.ts';
import { PlanBuilder } from '../plan/builder.ts';
import { CLONE_NEW } from '../plan/constants.ts';
import { openNetlink, sendNetlink } from '../plan/netlink.ts';
import type { Spec } from '../spec.ts';
import { runPlan } from './launcher.ts';

/**
 * Moves network devices of the host into the network namespace of a process, under the names and with the permanent addresses
 * that they are to have there, and raises them (runtime-spec 1.3 config-linux.md, "Network Devices"). They come back when the
 * namespace ends, as far as their driver lets them. Throws `invalid-argument` for a device that the host does not have.
 */
export function moveNetDevices(pid: number, devices: Spec['linux']['netDevices'] = {}): void {
  const wanted = Object.entries(devices);
  if (wanted.length === 0) return;
  using netlink = connectNetlink('route');
  const links = netlink.dump({ action: 'list links', message: dumpLinks() }).map((reply) => parseLink(reply));
  const addresses = netlink
    .dump({ action: 'list addresses', message: dumpAllAddresses() })
    .map((reply) => addressAgain(reply));
  for (const [host, { name }] of wanted) {
    const link = links.find((each) => each?.name === host);
    if (link === undefined) throw invalidArgument(`netDevices: the host has no network device "${host}"`);
    const { index } = link;
    const inside = name === undefined || name === '' ? host : name;
    netlink.execute({ action: `lower "${host}"`, message: lowerLink(index) });
    netlink.execute({
      action: `move "${host}" into the container as "${inside}"`,
      message: moveLink({ index, name: inside, pid }),
    });
    const again = addresses.flatMap((each) => (each?.linkIndex === index ? [each.message] : []));
    runPlan(furnishPlan(pid, { index, name: inside, addresses: again }));
  }
}

function furnishPlan(
  pid: number,
  device: { readonly index: number; readonly name: string; readonly addresses: readonly Buffer[] },
): ReturnType<PlanBuilder['build']> {
  const plan = new PlanBuilder();
  const process = plan.call(`open process ${pid}`, 'pidfd_open', [pid, 0], { save: true });
  plan.call('join the network namespace', 'setns', [process, CLONE_NEW.network]);
  const socket = openNetlink(plan, 'open a netlink socket');
  for (const message of device.addresses)
    sendNetlink(plan, socket, { action: `add an address to "${device.name}"`, message });
  sendNetlink(plan, socket, { action: `raise "${device.name}"`, message: raiseLink(device.index) });
  plan.end();
  return plan.build();
}
