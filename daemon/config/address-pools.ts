import { isIP } from 'node:net';
import { invalidArgument } from '../../common/errors.ts';
import type { AddressPoolConfig } from '../core/networks/contract.ts';

/** `{"base":"10.0.0.0/8","size":24}` of the file, and `base=10.0.0.0/8,size=24` of the flags. Throws `invalid-argument`. */
export function parseAddressPools(items: readonly unknown[]): readonly AddressPoolConfig[] {
  return items.map((item) => {
    const { base, size } = fieldsOf(item);
    const [address = '', prefix = ''] = typeof base === 'string' ? base.split('/') : [];
    const family = isIP(address);
    const bits = family === 6 ? 128 : 32;
    const isBase = family !== 0 && /^\d+$/.test(prefix) && Number(prefix) <= bits;
    if (
      typeof base !== 'string' ||
      !isBase ||
      !Number.isInteger(size) ||
      Number(size) > bits ||
      Number(size) < Number(prefix)
    ) {
      throw invalidArgument(
        `The option "default-address-pools": ${JSON.stringify(item)} must have a base such as 10.0.0.0/8 and a size such as 24`,
      );
    }
    return { base, size: Number(size) };
  });
}

function fieldsOf(item: unknown): { readonly base?: unknown; readonly size?: unknown } {
  if (typeof item !== 'string') return item ?? {};
  const fields = Object.fromEntries(item.split(',').map((field) => field.split('=')));
  return { base: fields['base'], size: Number(fields['size'] ?? Number.NaN) };
}
