import { text } from '../../common/flags/flag.ts';
import { defineCommand } from '../command.ts';
import { shortId } from '../format/ids.ts';
import { humanSize } from '../format/units.ts';
import { type Layer, layerLine } from '../image/layers.ts';
import { print } from '../output.ts';

/** One element of `GET /wherry/images`. */
interface ImageTree {
  readonly Id: string;
  readonly RepoTags: readonly string[];
  readonly Size: number;
  readonly SharedSize: number;
  readonly UniqueSize: number;
  readonly Pinned: boolean;
  readonly Layers: readonly Layer[];
}

/** A layer, what is built on it, and the images that end with it. */
interface Node {
  readonly layer: Layer | undefined;
  readonly children: Map<string, Node>;
  readonly images: ImageTree[];
}

export const imageTree = defineCommand({
  usage: '[OPTIONS] [IMAGE...]',
  flags: { format: text("Print with 'json'") },
  arity: [0],
  run: async ({ daemon, flags, args }) => {
    const answer = await daemon.send({ method: 'GET', path: '/wherry/images' });
    const images = (JSON.parse(await answer.text()) as ImageTree[]).filter((image) => isNamed(image, args));
    print(flags.format === 'json' ? `${JSON.stringify(images)}\n` : renderTree(images));
    return 0;
  },
});

const isNamed = ({ Id, RepoTags }: ImageTree, names: readonly string[]): boolean =>
  names.length === 0 ||
  names.some(
    (name) =>
      RepoTags.includes(name) ||
      RepoTags.includes(`${name}:latest`) ||
      Id.replace(/^sha256:/, '').startsWith(name),
  );

/** Layers as a tree: what several images have stands once. */
export function renderTree(images: readonly ImageTree[]): string {
  const root: Node = { layer: undefined, children: new Map(), images: [] };
  for (const image of images) {
    let node = root;
    for (const layer of image.Layers) {
      const next = node.children.get(layer.ChainId) ?? { layer, children: new Map(), images: [] };
      node.children.set(layer.ChainId, next);
      node = next;
    }
    node.images.push(image);
  }
  return [...root.images.map(titleOf), ...childLines(root, '')].map((line) => `${line}\n`).join('');
}

function childLines(node: Node, indent: string): string[] {
  const children = [...node.children.values()];
  return children.flatMap((child, index) => {
    const last = index === children.length - 1;
    const below = `${indent}${last ? '   ' : '│  '}`;
    const branch = child.children.size > 0 ? '│' : ' ';
    return [
      `${indent}${last ? '└─ ' : '├─ '}${child.layer === undefined ? '' : layerLine(child.layer)}`,
      ...child.images.map((image) => `${below}${branch}  ${titleOf(image)}`),
      ...childLines(child, below),
    ];
  });
}

function titleOf({ Id, RepoTags, Size, SharedSize, Pinned }: ImageTree): string {
  const names = RepoTags.length === 0 ? '<none>' : RepoTags.join(', ');
  const sizes = `${humanSize(Size, 4)}, ${humanSize(SharedSize, 4)} shared`;
  return `${names} [${shortId(Id)}] ${sizes}${Pinned ? ', pinned' : ''}`;
}
