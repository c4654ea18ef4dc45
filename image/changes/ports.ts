import { invalidArgument } from '../../common/errors.ts';

const PROTOCOLS = ['tcp', 'udp', 'sctp'];
const MAX_PORT = 65_535;

/** `80`, `80/udp`, `8000-8003/tcp`, also behind docker's `address:port:`: keys of ExposedPorts. Throws `invalid-argument`. */
export function portsOf(word: string): string[] {
  const [range = '', protocol = 'tcp', ...more] = word.slice(word.lastIndexOf(':') + 1).split('/');
  const known = protocol.toLowerCase();
  if (more.length > 0 || !PROTOCOLS.includes(known)) throw invalidArgument(`Invalid proto: ${protocol}`);
  const match = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(range);
  const first = Number(match?.[1]);
  const last = Number(match?.[2] ?? match?.[1]);
  if (match === null || first > last || last > MAX_PORT) {
    throw invalidArgument(`Invalid containerPort: ${range}`);
  }
  return Array.from({ length: last - first + 1 }, (_, offset) => `${first + offset}/${known}`);
}
