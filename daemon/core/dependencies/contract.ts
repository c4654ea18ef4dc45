/**
 * Who starts after whom. A container names in labels what has to be so before it starts; a start waits for that, by whomever it was
 * asked for: a client, a restart policy, the daemon when it comes. Nothing is started for a dependant's sake.
 */

/** `started`: it runs. `healthy`: its healthcheck says so. `completed`: it has ended with exit code 0. */
export const CONDITIONS = ['started', 'healthy', 'completed'] as const;
export type Condition = (typeof CONDITIONS)[number];

export interface Dependency {
  /** Name or id of a container. */
  readonly on: string;
  readonly condition: Condition;
}

/** `db:healthy,cache:started,migrate:completed`; without a condition: started. */
export const AFTER_LABEL = 'wherry.after';
/** How long a start waits: `30s`, `5m`. */
export const TIMEOUT_LABEL = 'wherry.after-timeout';
export const TIMEOUT_MS = 60_000;

/** What docker compose notes for its own use: `db:service_healthy:false,cache:service_started:true`. The daemon follows it when it starts containers. */
export const COMPOSE_LABELS = {
  dependsOn: 'com.docker.compose.depends_on',
  project: 'com.docker.compose.project',
  service: 'com.docker.compose.service',
} as const;
