import { makeNotes, type Notes } from '../../../common/notes.ts';
import { formatTime, realTimeNs } from '../time.ts';
import type { Operation, OperationView, Operations } from './contract.ts';

/** Begins the text of a wait for another operation on the same container. */
const TURN = 'its turn';

/** What waits for a container's lock says. */
export const turnAfter = (holder: string | undefined): string =>
  holder === undefined ? TURN : `${TURN}, after "${holder}"`;

interface UnderWay extends Operation {
  readonly sinceNs: bigint;
  readonly notes: Notes;
}

export function createOperations(): Operations {
  const underWay = new Set<UnderWay>();
  return {
    run: async (ctx, { name, subject }, work) => {
      const operation = { name, subject, sinceNs: realTimeNs(), notes: makeNotes(name) };
      underWay.add(operation);
      try {
        return await work(ctx.noting(operation.notes));
      } finally {
        underWay.delete(operation);
      }
    },
    of: (id) =>
      [...underWay]
        .filter(({ subject }) => subject.kind === 'container' && subject.id === id)
        .map((each) => show(each)),
    all: () => [...underWay].map((each) => show(each)),
  };
}

function show({ name, subject, sinceNs, notes }: UnderWay): OperationView {
  const texts = notes.texts();
  return {
    name,
    subject,
    since: formatTime(sinceNs),
    waitsFor: texts.join(', and for '),
    queued: texts.some((text) => text.startsWith(TURN)),
  };
}
