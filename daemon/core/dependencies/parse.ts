import { invalidArgument } from '../../../common/errors.ts';
import { parseDuration } from '../../../common/go-duration.ts';
import {
  AFTER_LABEL,
  COMPOSE_LABELS,
  CONDITIONS,
  TIMEOUT_LABEL,
  TIMEOUT_MS,
  type Condition,
  type Dependency,
} from './contract.ts';

type Labels = Readonly<Record<string, string>>;

const NS_PER_MS = 1e6;

/** What the label names. Throws `invalid-argument` that names the part which is none. */
export function parseAfter(labels: Labels): readonly Dependency[] {
  const text = labels[AFTER_LABEL] ?? '';
  if (text === '') return [];
  return text.split(',').map((part) => {
    const [on = '', condition = 'started', ...more] = part.split(':');
    if (on === '' || more.length > 0 || !(CONDITIONS as readonly string[]).includes(condition)) {
      const known = CONDITIONS.join(', ');
      throw invalidArgument(`invalid dependency "${part}": it must be CONTAINER:CONDITION, one of ${known}`);
    }
    return { on, condition: condition as Condition };
  });
}

/** How long a start waits. Throws `invalid-argument`. */
export function parseTimeoutMs(labels: Labels): number {
  const text = labels[TIMEOUT_LABEL];
  if (text === undefined) return TIMEOUT_MS;
  try {
    return parseDuration(text) / NS_PER_MS;
  } catch (error) {
    throw invalidArgument(`invalid ${TIMEOUT_LABEL} "${text}": it must be a duration such as 30s`, {
      cause: error,
    });
  }
}

const COMPOSE_CONDITIONS: Readonly<Record<string, Condition>> = {
  service_started: 'started',
  service_healthy: 'healthy',
  service_completed_successfully: 'completed',
};

/** Services of the same project, as docker compose notes them; what it does not say in a known way is left out. */
export function parseCompose(labels: Labels): readonly Dependency[] {
  const text = labels[COMPOSE_LABELS.dependsOn] ?? '';
  return text.split(',').flatMap((part) => {
    const [on = '', word = ''] = part.split(':');
    const condition = COMPOSE_CONDITIONS[word];
    return on === '' || condition === undefined ? [] : [{ on, condition }];
  });
}
