import { codeOf, invalidArgument, messageOf } from '../common/errors.ts';
import { makeLoopFile } from './loop-file.ts';
import { hasProjects, limitByProject } from './quota.ts';
import type { Limit, LimitJob } from './workers/jobs.ts';

/** The `limit` job: a project costs nothing, so a loop file is for where there is none. */
export async function limitDirectory(
  directory: string,
  wanted: Pick<LimitJob, 'sizeBytes' | 'below'>,
): Promise<Limit> {
  const why = await unless('invalid-argument', () => limitByProject(directory, wanted));
  if (why === undefined) return 'project';
  const neither = await unless('invalid-argument', () => makeLoopFile(directory, wanted));
  if (neither !== undefined) throw invalidArgument(`${why}, and ${neither}`);
  return 'loop';
}

/** By which means what is made in `parent` would be limited, if the host has what loop files need. */
export const limitIn = (parent: string): Limit => (hasProjects(parent) ? 'project' : 'loop');

/** The message of an error of this code; undefined: there was none. */
async function unless(code: string, act: () => Promise<void>): Promise<string | undefined> {
  try {
    await act();
    return undefined;
  } catch (error) {
    if (codeOf(error) === code) return messageOf(error);
    throw error;
  }
}
