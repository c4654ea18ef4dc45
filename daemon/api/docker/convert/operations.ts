import type { OperationView } from '../../../core/operations/contract.ts';

const show = ({ name, since, waitsFor }: OperationView): object => ({
  Name: name,
  Since: since,
  WaitsFor: waitsFor,
});

/** Beyond docker, in inspect, and only while something is done: the operation at work, and those behind it. */
export function showOperations(operations: readonly OperationView[]): object {
  const first = operations.find(({ queued }) => !queued) ?? operations[0];
  if (first === undefined) return {};
  const others = operations.filter((each) => each !== first);
  return {
    Operation: show(first),
    ...(others.length === 0 ? {} : { QueuedOperations: others.map((each) => show(each)) }),
  };
}

/** An item of `GET /wherry/operations`. */
export const showOperation = (operation: OperationView): object => ({
  Kind: operation.subject.kind,
  ID: operation.subject.id,
  ...show(operation),
  Queued: operation.queued,
});
