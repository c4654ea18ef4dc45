import { isIP } from 'node:net';
import { invalidArgument } from '../../../common/errors.ts';
import { parseCidr, subnetText } from '../networks/subnet.ts';
import { EGRESS_LABEL, EGRESS_PROTOCOLS, type Egress, type EgressRule } from './contract.ts';

/**
 * `none`, or any of these with commas between: `dns`, `10.0.0.0/8`, `192.0.2.7:443`, `192.0.2.0/24:8000-8100/udp`, `192.0.2.7/icmp`,
 * `2001:db8::/32`, `[2001:db8::7]:443`. A port without a protocol is one of tcp. Undefined for undefined; throws `invalid-argument`
 * that names the part which is wrong.
 */
export function parseEgress(text: string | undefined): Egress | undefined {
  if (text === undefined) return undefined;
  const parts = text.split(',').map((part) => part.trim());
  if (parts.length === 1 && parts[0] === 'none') return { rules: [], dns: false };
  const rules = parts.filter((part) => part !== 'dns').map((part) => parseRule(part));
  return { rules, dns: parts.includes('dns') };
}

const FORMS = [
  /** `[2001:db8::/32]:443/tcp` */
  /^\[(?<address>[^\]]*)\](?::(?<ports>[^/]*))?(?:\/(?<protocol>[a-z]+))?$/,
  /** `10.0.0.0/8:80-90/tcp` */
  /^(?<address>\d+\.[\d.]*(?:\/\d+)?)(?::(?<ports>[^/]*))?(?:\/(?<protocol>[a-z]+))?$/,
  /** `2001:db8::/32` */
  /^(?<address>[\da-fA-F:.]*:[\da-fA-F:.]*(?:\/\d+)?)(?:\/(?<protocol>[a-z]+))?$/,
];

function parseRule(part: string): EgressRule {
  if (part === 'none') throw wrong(part, 'it stands alone');
  const groups = FORMS.map((form) => form.exec(part)?.groups).find((found) => found !== undefined);
  if (groups === undefined) {
    throw wrong(
      part,
      'expected none, dns or ADDRESS[/PREFIX][:PORT[-PORT]][/PROTOCOL]; names of hosts are not taken',
    );
  }
  const { address = '', ports, protocol = ports === undefined ? 'any' : 'tcp' } = groups;
  const known = ([...EGRESS_PROTOCOLS, 'any'] as const).find((each) => each === protocol);
  if (known === undefined)
    throw wrong(part, `the protocol is one of ${EGRESS_PROTOCOLS.join(', ')}, not "${protocol}"`);
  if (ports !== undefined && (known === 'icmp' || known === 'any'))
    throw wrong(part, `${known} has no ports`);
  return { network: networkOf(part, address), protocol: known, ...portsOf(part, ports) };
}

function networkOf(part: string, text: string): string {
  const family = isIP(text.split('/')[0] ?? '');
  if (family === 0) throw wrong(part, `"${text}" is no address`);
  const whole = text.includes('/') ? text : `${text}/${family === 4 ? 32 : 128}`;
  let cidr;
  try {
    cidr = parseCidr(whole);
  } catch (error) {
    throw wrong(part, `"${text}" is no network`, error);
  }
  if (cidr.address.value !== cidr.subnet.network)
    throw wrong(part, `the network is ${subnetText(cidr.subnet)}`);
  return subnetText(cidr.subnet);
}

const MAX_PORT = 65_535;

function portsOf(part: string, text: string | undefined): { readonly first: number; readonly last: number } {
  if (text === undefined) return { first: 0, last: MAX_PORT };
  const [, low = '', high = low] = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(text) ?? [];
  const [first, last] = [Number(low), Number(high)];
  if (first < 1 || first > last || last > MAX_PORT)
    throw wrong(part, `"${text}" is no port from 1 to ${MAX_PORT} and no range`);
  return { first, last };
}

const wrong = (part: string, why: string, cause?: unknown): Error =>
  invalidArgument(`Invalid ${EGRESS_LABEL} "${part}": ${why}`, { cause });
