import { codeOf, conflict } from '../../../common/errors.ts';
import type { Entry } from '../containers/table.ts';
import type { Core } from '../core.ts';
import { COMPOSE_LABELS, type Condition } from './contract.ts';
import { findCycle } from './graph.ts';
import { parseAfter, parseCompose } from './parse.ts';

export interface Needed {
  readonly entry: Entry;
  readonly condition: Condition;
}

/** What its own label names. Throws `conflict` for a container that is not there, and for a cycle, which it names. */
export function findNeeded(core: Core, entry: Entry): readonly Needed[] {
  const needed = parseAfter(entry.view.config.labels).map(({ on, condition }): Needed => {
    try {
      return { entry: core.table.find(on), condition };
    } catch (error) {
      if (codeOf(error) !== 'not-found') throw error;
      throw conflict(`it starts after "${on}", and there is no such container`, { cause: error });
    }
  });
  const cycle = needed.length === 0 ? undefined : findCycle(entry, (each) => knownNeeded(core, each));
  if (cycle === undefined) return needed;
  throw conflict(`it starts after itself: ${cycle.map(({ view }) => view.name).join(' -> ')}`);
}

/** The same without what can't be found. */
export function knownNeeded(core: Core, { view }: Entry): readonly Entry[] {
  return safeAfter(view.config.labels).flatMap(({ on }) => {
    try {
      return [core.table.find(on)];
    } catch {
      return [];
    }
  });
}

/** Labels of an image or an earlier version may be anything. */
function safeAfter(labels: Readonly<Record<string, string>>): ReturnType<typeof parseAfter> {
  try {
    return parseAfter(labels);
  } catch {
    return [];
  }
}

/** Containers of the services that docker compose notes; those of other projects don't count. */
export function composeNeeded(core: Core, { view }: Entry): readonly Needed[] {
  const { labels } = view.config;
  const project = labels[COMPOSE_LABELS.project];
  return parseCompose(labels).flatMap(({ on, condition }) =>
    [...core.table.all()]
      .filter((other) => {
        const theirs = other.view.config.labels;
        return theirs[COMPOSE_LABELS.project] === project && theirs[COMPOSE_LABELS.service] === on;
      })
      .map((entry) => ({ entry, condition })),
  );
}
