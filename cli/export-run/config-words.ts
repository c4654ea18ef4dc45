import {
  type Fields,
  type Made,
  mapOf,
  numberOf,
  optional,
  pairs,
  repeat,
  textOf,
  textsOf,
} from './facts.ts';

/** Flags for what docker keeps in Config, as far as the image does not say the same. */
export function configWords({ Id, Config, HostConfig, image }: Made): string[] {
  const differs = (name: string): string => {
    const value = textOf(Config, name);
    return value === textOf(image, name) ? '' : value;
  };
  const env = new Set(textsOf(image, 'Env'));
  const ownLabels = mapOf(image, 'Labels');
  const labels = Object.entries(mapOf(Config, 'Labels')).filter(([name, value]) => ownLabels[name] !== value);
  const hostname = textOf(Config, 'Hostname');
  const sharesName =
    /^(host|container:)/.test(textOf(HostConfig, 'NetworkMode')) || textOf(HostConfig, 'UTSMode') === 'host';
  return [
    ...(hostname === Id.slice(0, 12) || sharesName ? [] : optional('--hostname', hostname)),
    ...optional('--domainname', textOf(Config, 'Domainname')),
    ...optional('--user', differs('User')),
    ...optional('--workdir', differs('WorkingDir')),
    ...(Config['Tty'] === true ? ['--tty'] : []),
    ...(Config['OpenStdin'] === true ? ['--interactive'] : []),
    ...repeat(
      '--env',
      textsOf(Config, 'Env').filter((variable) => !env.has(variable)),
    ),
    ...pairs('--label', Object.fromEntries(labels)),
    ...optional('--stop-signal', differs('StopSignal')),
    ...(Config['StopTimeout'] === undefined
      ? []
      : ['--stop-timeout', String(numberOf(Config, 'StopTimeout'))]),
    ...healthWords(Config['Healthcheck'] as Fields | undefined, image['Healthcheck'] as Fields | undefined),
  ];
}

function healthWords(own: Fields | undefined, images: Fields | undefined): string[] {
  if (own === undefined || JSON.stringify(own) === JSON.stringify(images)) return [];
  const [kind = '', ...test] = textsOf(own, 'Test');
  const flags: Readonly<Record<string, string>> = {
    HTTP: '--health-http',
    TCP: '--health-tcp',
    GRPC: '--health-grpc',
  };
  if (kind === 'NONE') return ['--no-healthcheck'];
  const isImages = JSON.stringify(own['Test']) === JSON.stringify(images?.['Test']);
  // A list is run without a shell; a shell runs the same when each word is quoted.
  const command = kind === 'CMD' ? test.map((word) => quote(word)).join(' ') : (test[0] ?? '');
  const duration = (flag: string, name: string): string[] => {
    const ns = numberOf(own, name);
    return ns === 0 ? [] : [flag, `${ns}ns`];
  };
  return [
    ...(isImages ? [] : optional(flags[kind] ?? '--health-cmd', command)),
    ...duration('--health-interval', 'Interval'),
    ...duration('--health-timeout', 'Timeout'),
    ...duration('--health-start-period', 'StartPeriod'),
    ...duration('--health-start-interval', 'StartInterval'),
    ...optional('--health-retries', numberOf(own, 'Retries')),
  ];
}

/** The entry point, as a flag, and the words behind the image. */
export function commandWords({ Config, image }: Made): {
  readonly flag: string[];
  readonly command: readonly string[];
} {
  const [entry, imageEntry] = [textsOf(Config, 'Entrypoint'), textsOf(image, 'Entrypoint')];
  const [command, imageCommand] = [textsOf(Config, 'Cmd'), textsOf(image, 'Cmd')];
  const isSame = (a: readonly string[], b: readonly string[]): boolean =>
    JSON.stringify(a) === JSON.stringify(b);
  if (isSame(entry, imageEntry)) {
    return { flag: [], command: isSame(command, imageCommand) ? [] : command };
  }
  const [first = '', ...rest] = entry;
  return { flag: ['--entrypoint', first], command: [...rest, ...command] };
}

/** A word as a POSIX shell takes it. */
export const quote = (word: string): string =>
  /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", String.raw`'\''`)}'`;
