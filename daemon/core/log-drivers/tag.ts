import { hostname } from 'node:os';
import { invalidArgument } from '../../../common/errors.ts';
import { shortId } from '../../../common/ids.ts';
import type { Container } from '../contract.ts';

/** What a tag may tell of its container. */
export type Tagged = Pick<Container, 'id' | 'name' | 'imageId' | 'imageName' | 'path' | 'args' | 'config'>;

const DEFAULT = '{{.ID}}';

/** moby daemon/logger/loginfo.go. */
const FIELDS: Readonly<Record<string, (of: Tagged) => string>> = {
  ID: ({ id }) => shortId(id),
  FullID: ({ id }) => id,
  ContainerID: ({ id }) => id,
  Name: ({ name }) => name,
  ContainerName: ({ name }) => `/${name}`,
  ImageID: ({ imageId }) => imageId.slice(0, 12),
  ImageFullID: ({ imageId }) => imageId,
  ContainerImageID: ({ imageId }) => imageId,
  ImageName: ({ imageName }) => imageName,
  ContainerImageName: ({ imageName }) => imageName,
  Command: ({ path, args }) => [path, ...args].join(' '),
  Hostname: () => hostname(),
  DaemonName: () => 'docker',
};

/**
 * Fills a tag's template, in what docker documents of Go's syntax: fields, and labels by `index`. Throws `invalid-argument` for
 * anything else in braces. Without a template it is the short id.
 */
export function expandTag(template: string | undefined, of: Tagged): string {
  return (template || DEFAULT).replace(/\{\{-?(.*?)-?\}\}/g, (whole, inner: string) => {
    const expression = inner.trim();
    const field = FIELDS[/^\.(\w+)$/.exec(expression)?.[1] ?? ''];
    if (field !== undefined) return field(of);
    const label = /^index \.ContainerLabels "([^"]*)"$/.exec(expression)?.[1];
    if (label !== undefined) return of.config.labels[label] ?? '';
    const variable = /^\(\.ExtraAttributes nil\)\.(\w+)$/.exec(expression)?.[1];
    if (variable !== undefined) return variableOf(of, variable);
    throw invalidArgument(`invalid log tag template "${template}": cannot evaluate ${whole}`);
  });
}

const variableOf = ({ config }: Tagged, name: string): string =>
  config.env.find((each) => each.startsWith(`${name}=`))?.slice(name.length + 1) ?? config.labels[name] ?? '';
