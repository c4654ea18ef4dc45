import { absent, precluded, taken } from '../../../image/namespaces/errors.ts';
import { changeLabels, checkLabels, type Labels } from '../../../image/namespaces/labels.ts';
import { NO_NAMESPACE as NONE } from '../../../image/namespaces/owners.ts';
import type { Rows } from '../../../image/namespaces/rows.ts';
import { DOCKER_NAMESPACE } from '../../../image/namespaces/docker.ts';
import type { Namespaces } from './contract.ts';
import { checkIdentifier } from './identifier.ts';

/** What a namespace may hold, by containerd's word for it. */
export type Holdings = Readonly<Record<string, (namespace: string) => boolean>>;

export function makeNamespaces(rows: Rows<Labels>, holdings: Holdings): Namespaces {
  const find = (name: string): Labels | undefined =>
    rows.get(NONE, name) ?? (name === DOCKER_NAMESPACE ? {} : undefined);
  return {
    list: () => {
      const names = new Set([...rows.list(NONE).map(({ name }) => name), DOCKER_NAMESPACE]);
      return [...names].toSorted().map((name) => ({ name, labels: find(name) ?? {} }));
    },
    labelsOf: (name) => find(name) ?? {},
    create: (name, labels) => {
      checkIdentifier(name);
      checkLabels('namespace.Labels', labels);
      if (find(name) !== undefined) throw taken(`namespace "${name}"`);
      rows.put(NONE, name, labels);
    },
    update: (name, change) => {
      checkLabels('namespace.Labels', change);
      rows.put(NONE, name, changeLabels(find(name) ?? {}, change));
    },
    delete: (name) => {
      const held = Object.entries(holdings)
        .filter(([, isHeld]) => isHeld(name))
        .map(([what]) => what);
      if (held.length > 0)
        throw precluded(`namespace "${name}" must be empty, but it still has ${held.join(', ')}`);
      if (!rows.remove(NONE, name)) throw absent(`namespace "${name}"`);
    },
  };
}
