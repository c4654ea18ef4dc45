import { invalidArgument } from '../../../common/errors.ts';
import type { ImageConfig } from '../../../image/images.ts';
import type { CreateRequest } from '../contract.ts';
import { mergeHealthcheck } from '../health/check.ts';

export type MergedConfig = CreateRequest & { readonly imageConfig: ImageConfig };

/**
 * The request with the image's defaults where it says nothing, as docker merges them: lists of ports, variables, labels and
 * volumes are united, the request's own first; a new entry point drops the image's command. Pure. Throws `invalid-argument`
 * when there is nothing to run. `ownName` is the hostname of one that asks for none.
 */
export function mergeConfig(request: CreateRequest, image: ImageConfig, ownName: string): MergedConfig {
  const labels = { ...image.Labels, ...request.labels };
  const merged: MergedConfig = {
    ...request,
    ...programOf(request, image),
    env: mergeEnv(request.env, image.Env ?? []),
    user: request.user === '' ? (image.User ?? '') : request.user,
    workingDir: request.workingDir === '' ? (image.WorkingDir ?? '') : request.workingDir,
    hostname: request.hostname === '' ? ownName : request.hostname,
    labels,
    healthcheck: mergeHealthcheck(request.healthcheck, image, labels),
    exposedPorts: { ...image.ExposedPorts, ...request.exposedPorts },
    volumes: { ...image.Volumes, ...request.volumes },
    stopSignal: request.stopSignal ?? (image.StopSignal === '' ? undefined : image.StopSignal),
    imageConfig: image,
  };
  if ((merged.entrypoint ?? []).length + (merged.cmd ?? []).length === 0) {
    throw invalidArgument('no command specified');
  }
  return merged;
}

function programOf(request: CreateRequest, image: ImageConfig): Pick<CreateRequest, 'entrypoint' | 'cmd'> {
  const { entrypoint, cmd } = request;
  if (entrypoint !== undefined) return { entrypoint, cmd };
  return {
    entrypoint: image.Entrypoint ?? undefined,
    cmd: (cmd ?? []).length === 0 ? (image.Cmd ?? undefined) : cmd,
  };
}

/** The request's variables, then those of the image that it does not set. */
export function mergeEnv(own: readonly string[], inherited: readonly string[]): string[] {
  const names = new Set(own.map(nameOf));
  return [...own, ...inherited.filter((variable) => !names.has(nameOf(variable)))];
}

const nameOf = (variable: string): string => variable.split('=', 1)[0] ?? '';

/**
 * `base` with `overrides` in place of variables of the same name, the others appended; a name without `=` removes it.
 * Docker's ReplaceOrAppendEnvValues.
 */
export function overrideEnv(base: readonly string[], overrides: readonly string[]): string[] {
  const result = new Map(base.map((variable) => [nameOf(variable), variable]));
  for (const variable of overrides) {
    if (variable.includes('=')) result.set(nameOf(variable), variable);
    else result.delete(variable);
  }
  return [...result.values()];
}
