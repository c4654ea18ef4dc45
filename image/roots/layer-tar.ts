import type { FileStatus } from '../../native/sys/files.ts';
import { TAR_END, tarHeader } from '../tar/writer.ts';
import { walkPair, type RootPair } from './compare.ts';
import { tarMember, type WrittenLinks } from './members.ts';
import { walkUpper, type UpperItem } from './upper.ts';
import { walkMerged } from './walk.ts';

const WHITEOUT = '.wh.';
const OPAQUE = '.wh..wh..opq';

/**
 * What an overlay's upper directory has beyond the layers below it, as a layer: image-spec layer.md, with whiteouts for what is
 * gone. Equal trees give equal bytes. A name that begins with `.wh.` can't be said in a layer, and is left out. A tree that changed
 * nothing gives the empty archive. Blocks its thread, for a piece at a time.
 */
export function* layerTar(upper: string, lowers: readonly string[]): Generator<Uint8Array> {
  const links: WrittenLinks = new Map();
  for (const item of walkUpper(upper, lowers)) {
    if (item.kind === 'hidden' || item.parts.some((part) => part.startsWith(WHITEOUT))) continue;
    const [above, name = ''] = [item.parts.slice(0, -1), item.parts.at(-1)];
    if (item.kind === 'whiteout') {
      yield marker([...above, `${WHITEOUT}${name}`]);
      continue;
    }
    if (item.parts.length > 0 || isOtherRoot(item)) yield* tarMember(item, links);
    if (item.opaque) yield marker([...item.parts, OPAQUE]);
  }
  yield TAR_END;
}

/** What leads from what one stack of layers shows to what another does, as a layer; the same promises, but for a root's own attributes. */
export async function* pairTar(pair: RootPair, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  const links: WrittenLinks = new Map();
  for await (const { parts, now } of walkPair(pair, signal)) {
    if (parts.some((part) => part.startsWith(WHITEOUT))) continue;
    const name = parts.at(-1) ?? '';
    if (now === undefined) yield marker([...parts.slice(0, -1), `${WHITEOUT}${name}`]);
    else yield* tarMember({ parts, fd: now.from.fd, name, status: now.status }, links);
  }
  yield TAR_END;
}

/** All that a stack of layers shows, as an archive; the same promises. */
export function* mergedTar(paths: readonly string[]): Generator<Uint8Array> {
  const links: WrittenLinks = new Map();
  for (const visited of walkMerged(paths)) {
    if (visited.parts.length > 0) yield* tarMember(visited, links);
  }
  yield TAR_END;
}

const marker = (parts: readonly string[]): Uint8Array =>
  tarHeader({
    type: 'file',
    name: parts.join('/'),
    mode: 0o600,
    uid: 0,
    gid: 0,
    mtime: { seconds: 0, nanoseconds: 0 },
  });

/** A container always has a root of its own; that it was touched is no change. */
function isOtherRoot({ status, below }: Extract<UpperItem, { kind: 'entry' }>): boolean {
  const keys = ['mode', 'uid', 'gid'] as const satisfies (keyof FileStatus)[];
  return below !== undefined && keys.some((key) => status[key] !== below.status[key]);
}
