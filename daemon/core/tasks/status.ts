import type { Task } from './find.ts';
import type { ProcessStatus } from './contract.ts';
import type { ProcessState } from './process.ts';

/** As clients see it. */
export function processStatus({ kind }: ProcessState): ProcessStatus {
  switch (kind) {
    case 'creating':
    case 'created':
    case 'starting':
      return 'created';
    case 'running':
    case 'paused':
    case 'stopped':
      return kind;
  }
}

export function statusOf(task: Task): ProcessStatus {
  if (task.kind === 'own') return processStatus(task.entry.state);
  return task.entry.view.state.kind === 'paused' ? 'paused' : 'running';
}
