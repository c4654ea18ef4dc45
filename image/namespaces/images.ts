import { invalidArgument } from '../../common/errors.ts';
import { isDigest } from '../digest.ts';
import type { NamedImage, NamedImages, NewImage, Target } from './contract.ts';
import { absent, malformed, precluded, taken } from './errors.ts';
import { checkLabels, setLabels, type Labels } from './labels.ts';
import type { Rows } from './rows.ts';

/** As its row has it. */
export interface StoredImage {
  readonly target: Target;
  readonly labels: Labels;
  readonly createdAt: string;
  readonly updatedAt: string;
}

/** Docker's images, as a namespace has them. */
export interface DockerImages {
  list(namespace: string): readonly NamedImage[];
}

interface Parts {
  readonly rows: Rows<StoredImage>;
  readonly docker: DockerImages;
  /** A name went. */
  readonly onDelete: () => void;
}

export function makeNamedImages({ rows, docker, onDelete }: Parts): NamedImages {
  const ofDocker = (namespace: string, name: string): NamedImage | undefined =>
    docker.list(namespace).find((image) => image.name === name);
  const find = (namespace: string, name: string): NamedImage => {
    const stored = rows.get(namespace, name);
    const found = stored === undefined ? ofDocker(namespace, name) : imageOf(name, stored);
    if (found === undefined) throw absent(`image "${name}"`);
    return found;
  };
  const refuseDockers = (namespace: string, name: string): void => {
    if (ofDocker(namespace, name) !== undefined)
      throw precluded(
        `image "${name}" of namespace "${namespace}" is docker's: use docker's API to change it`,
      );
  };
  const put = (namespace: string, image: NewImage, createdAt: Date): NamedImage => {
    checkImage(image);
    const now = new Date();
    const { name, target, labels } = image;
    const made = { name, target, labels: setLabels(labels), createdAt, updatedAt: now };
    rows.put(namespace, name, {
      ...{ target, labels: made.labels },
      createdAt: createdAt.toISOString(),
      updatedAt: now.toISOString(),
    });
    return made;
  };
  return {
    list: (namespace) => {
      const own = rows.list(namespace).map(({ name, value }) => imageOf(name, value));
      return [...own, ...docker.list(namespace)].toSorted((a, b) => (a.name < b.name ? -1 : 1));
    },
    get: find,
    create: (namespace, image) => {
      checkImage(image);
      refuseDockers(namespace, image.name);
      if (rows.get(namespace, image.name) !== undefined) throw taken(`image "${image.name}"`);
      return put(namespace, image, new Date());
    },
    update: (namespace, image, paths) => {
      if (image.name === '') throw invalidArgument('Image.Name required');
      const present = find(namespace, image.name);
      refuseDockers(namespace, image.name);
      const changed =
        paths.length === 0 ? image : paths.reduce((now, path) => change(now, image, path), present);
      return put(namespace, changed, present.createdAt);
    },
    delete: (namespace, name) => {
      refuseDockers(namespace, name);
      if (!rows.remove(namespace, name)) throw absent(`image "${name}"`);
      onDelete();
    },
  };
}

const imageOf = (name: string, { createdAt, updatedAt, ...image }: StoredImage): NamedImage => ({
  ...{ name, ...image },
  createdAt: new Date(createdAt),
  updatedAt: new Date(updatedAt),
});

function change(image: NamedImage, asked: NewImage, path: string): NamedImage {
  const { target } = image;
  const [field = '', ...rest] = path.split('.');
  const key = rest.join('.');
  if (field === 'labels' && key !== '')
    return { ...image, labels: { ...image.labels, [key]: asked.labels[key] ?? '' } };
  if (field === 'annotations' && key !== '') {
    const annotations = { ...target.annotations, [key]: asked.target.annotations[key] ?? '' };
    return { ...image, target: { ...target, annotations } };
  }
  switch (path) {
    case 'labels':
      return { ...image, labels: asked.labels };
    case 'target':
      return { ...image, target: asked.target };
    case 'annotations':
      return { ...image, target: { ...target, annotations: asked.target.annotations } };
  }
  throw malformed(`cannot update "${path}" field on image "${image.name}"`);
}

function checkImage({ name, labels, target }: NewImage): void {
  if (name === '') throw invalidArgument('Image.Name required');
  checkLabels('image.Labels', labels);
  if (!isDigest(target.digest))
    throw malformed(`Target.Digest "${target.digest}" invalid: invalid checksum digest format`);
  if (target.size <= 0) throw malformed('Target.Size must be greater than zero');
  if (target.mediaType === '') throw malformed('Target.MediaType must be set');
}
