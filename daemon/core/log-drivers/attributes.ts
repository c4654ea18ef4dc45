import { invalidArgument, messageOf } from '../../../common/errors.ts';
import type { Container } from '../contract.ts';

type Options = Readonly<Record<string, string>>;

/** Labels and variables that a driver's options `labels`, `labels-regex`, `env` and `env-regex` pick (docker's ExtraAttributes). */
export function extraAttributes(
  options: Options,
  { labels, env }: Pick<Container['config'], 'labels' | 'env'>,
): Record<string, string> {
  const variables = env.flatMap((variable): [string, string][] => {
    const at = variable.indexOf('=');
    return at < 0 ? [] : [[variable.slice(0, at), variable.slice(at + 1)]];
  });
  return {
    ...pick(Object.entries(labels), options['labels'], options['labels-regex']),
    ...pick(variables, options['env'], options['env-regex']),
  };
}

function pick(
  from: readonly (readonly [string, string])[],
  names: string | undefined,
  pattern: string | undefined,
): Record<string, string> {
  const wanted = (names ?? '').split(',');
  const expression = pattern ? compile(pattern) : undefined;
  return Object.fromEntries(from.filter(([name]) => wanted.includes(name) || expression?.test(name)));
}

function compile(pattern: string): RegExp {
  try {
    return new RegExp(pattern);
  } catch (error) {
    throw invalidArgument(`error parsing regexp: ${messageOf(error)}: \`${pattern}\``, { cause: error });
  }
}
