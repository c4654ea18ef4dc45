import type { DaemonConfig } from './config.ts';
import { ENGINE_DEFAULTS, type EngineConfig } from './core/options.ts';

/** What the engine is told of the configuration; what a reload changes stays live. `profile` is the seccomp profile's text. */
export const engineConfigOf = (
  config: DaemonConfig,
  { id, profile }: { readonly id: string; readonly profile: string | undefined },
): EngineConfig => ({
  ...ENGINE_DEFAULTS,
  id,
  get labels() {
    return config.labels;
  },
  get runtimes() {
    return config.runtimes;
  },
  get defaultRuntime() {
    return config.defaultRuntime;
  },
  noNewPrivileges: config.noNewPrivileges,
  init: config.init,
  initPath: config.initPath,
  seccompProfile: profile,
  cgroupnsMode: config.cgroupnsMode,
  cdiDirectories: config.cdiDirectories,
  cgroupParent: config.cgroupParent ?? ENGINE_DEFAULTS.cgroupParent,
  imageMarks: config.imageMarks,
  publishing: config.networks,
  pluginDirectories: config.pluginDirectories ?? ENGINE_DEFAULTS.pluginDirectories,
  launchTimeoutMs: config.storagePatienceMs,
});
