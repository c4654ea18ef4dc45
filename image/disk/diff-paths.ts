import type { Ctx } from '../../common/ctx.ts';
import type { PathChange } from '../disk.ts';
import { findImage } from '../find.ts';
import type { StoreParts } from '../parts.ts';
import type { ImageId } from '../snapshots.ts';

/** Disk.diffPaths. */
export function diffPaths(
  parts: StoreParts,
  ctx: Ctx,
  { first, second }: { readonly first: string; readonly second: string },
): AsyncIterable<readonly PathChange[]> {
  const { catalog } = parts;
  return read(parts, ctx, [findImage(catalog, first).id, findImage(catalog, second).id]);
}

async function* read(
  parts: StoreParts,
  ctx: Ctx,
  images: readonly [ImageId, ImageId],
): AsyncGenerator<readonly PathChange[]> {
  const { catalog, layers, spoolers, collect } = parts;
  const [first, second] = [catalog.chains(images[0]), catalog.chains(images[1])];
  const hold = layers.hold([...first, ...second]);
  try {
    const [from, to] = [first, second].map((chains) => {
      const top = chains.at(-1);
      return top === undefined ? [] : layers.paths(layers.stack(top));
    }) as [string[], string[]];
    for await (const lines of spoolers.read(ctx, { kind: 'compare-paths', from, to })) {
      yield Buffer.from(lines)
        .toString()
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => JSON.parse(line) as PathChange);
    }
  } finally {
    hold[Symbol.dispose]();
    // The images may be gone meanwhile.
    await collect(ctx);
  }
}
