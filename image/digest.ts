import { createHash } from 'node:crypto';
import type { ChainId, DiffId } from './snapshots.ts';

/** `sha256:` and 64 lower-case hex digits: the only algorithm in use. Being well-formed makes it safe as a file name. */
export type Digest = string & { readonly __digest: 'sha256' };

const PATTERN = /^sha256:[0-9a-f]{64}$/;

export const isDigest = (text: unknown): text is Digest => typeof text === 'string' && PATTERN.test(text);

export const sha256 = (data: string | Uint8Array): Digest =>
  `sha256:${createHash('sha256').update(data).digest('hex')}` as Digest;

/** Chain ids of all layers, lowest first (image-spec config.md, "Layer ChainID"). */
export function chainIds(diffIds: readonly DiffId[]): ChainId[] {
  const chain: ChainId[] = [];
  for (const diffId of diffIds) {
    chain.push(chainOnto(chain.at(-1), diffId));
  }
  return chain;
}

/** Of one more layer. */
export const chainOnto = (below: ChainId | undefined, diffId: DiffId): ChainId =>
  (below === undefined ? diffId : sha256(`${below} ${diffId}`)) as string as ChainId;
