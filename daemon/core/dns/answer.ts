import { addressText, parseAddress } from '../networks/subnet.ts';
import type { Names, Transport } from './contract.ts';
import { answer, reversedAddress, type Answer, type Query } from './message.ts';

/**
 * The reply to a question about what the container's networks know; undefined: somebody outside is to be asked. A name of theirs is
 * never asked for outside, whatever the type. Pure, but for the order of addresses, which is another each time.
 */
export function answerHere(query: Query, names: Names, transport: Transport): Buffer | undefined {
  if (!query.isInternet) return undefined;
  if (query.type === 'PTR') {
    const address = reversedAddress(query.name);
    const name = address === undefined ? undefined : names.nameOf(addressText(parseAddress(address)));
    return name === undefined ? undefined : answer(query, [{ type: 'PTR', name }], transport);
  }
  const found = names.addressesOf(query.name);
  return found === undefined ? undefined : answer(query, shuffled(addresses(found, query.type)), transport);
}

/** Names of one word, which a client with `ndots` asks for again in its search domains. */
export const isWord = ({ name, type }: Query): boolean =>
  !name.includes('.') && (type === 'A' || type === 'AAAA');

function addresses(found: NonNullable<ReturnType<Names['addressesOf']>>, type: string): Answer[] {
  if (type !== 'A' && type !== 'AAAA') return [];
  const texts = found.map(({ ipAddress, ipv6Address }) => (type === 'A' ? ipAddress : ipv6Address));
  return texts.filter((address) => address !== '').map((address) => ({ type, address }));
}

/** Fisher and Yates. */
function shuffled<T>(list: readonly T[]): T[] {
  const mixed = [...list];
  for (let last = mixed.length - 1; last > 0; last -= 1) {
    const other = Math.floor(Math.random() * (last + 1));
    [mixed[last], mixed[other]] = [mixed[other] as T, mixed[last] as T];
  }
  return mixed;
}
