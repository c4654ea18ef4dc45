import { constants } from 'node:os';
import { posix } from 'node:path';
import { invalidArgument } from '../../common/errors.ts';
import type { ImageConfig } from '../images.ts';
import { expandWord, type Variables } from './expand.ts';
import { healthcheckOf } from './healthcheck.ts';
import { jsonWords, quotedWords, splitLine, type Instruction } from './lines.ts';
import { portsOf } from './ports.ts';

/** The configuration as it is changed, and what was said so far. */
export interface Changing {
  config: ImageConfig;
  /** A CMD came: an ENTRYPOINT behind it leaves it alone. */
  hasCmd: boolean;
}

type Command = (changing: Changing, instruction: Instruction) => void;

/** Instructions that change a configuration and nothing else. */
export const CHANGES: Readonly<Record<string, Command>> = {
  cmd: (changing, { rest }) => {
    set(changing, { Cmd: programOf(changing.config, rest) });
    changing.hasCmd = true;
  },
  entrypoint: (changing, { rest }) => {
    const Entrypoint = rest === '' ? null : programOf(changing.config, rest);
    // The command was made for another program.
    set(changing, { Entrypoint, ...(changing.hasCmd ? {} : { Cmd: null }) });
  },
  env: (changing, { rest }) => {
    const variables = variablesOf(changing.config);
    const env = new Map(
      (changing.config.Env ?? []).map((variable) => [variable.split('=', 1)[0] ?? '', variable]),
    );
    for (const [key, value] of pairsOf('ENV', rest, variables)) env.set(key, `${key}=${value}`);
    set(changing, { Env: [...env.values()] });
  },
  expose: (changing, { rest }) => {
    const words = expandedWords(changing, required('EXPOSE', rest.split(/\s+/)));
    const found = words.flatMap((word) => word.split(/\s+/)).filter((word) => word !== '');
    const ports = Object.fromEntries(found.flatMap((word) => portsOf(word)).map((port) => [port, {}]));
    set(changing, { ExposedPorts: { ...changing.config.ExposedPorts, ...ports } });
  },
  label: (changing, { rest }) => {
    const labels = Object.fromEntries(pairsOf('LABEL', rest, variablesOf(changing.config)));
    set(changing, { Labels: { ...changing.config.Labels, ...labels } });
  },
  user: (changing, { rest }) => set(changing, { User: expanded(changing, single('USER', rest)) }),
  volume: (changing, { rest }) => {
    const words = expandedWords(changing, required('VOLUME', jsonWords(rest) ?? rest.split(/\s+/)));
    const paths = words.map((word) => word.trim());
    if (paths.includes('')) throw invalidArgument('VOLUME specified can not be an empty string');
    const volumes = Object.fromEntries(paths.map((path) => [path, {}]));
    set(changing, { Volumes: { ...changing.config.Volumes, ...volumes } });
  },
  workdir: (changing, { rest }) => {
    const path = expanded(changing, single('WORKDIR', rest));
    if (path === '') throw invalidArgument('cannot normalize nothing');
    const whole = posix.resolve('/', changing.config.WorkingDir ?? '', path);
    set(changing, { WorkingDir: whole });
  },
  onbuild: (changing, { rest }) => {
    const trigger = splitLine(required('ONBUILD', [rest])[0] ?? '').name.toUpperCase();
    if (trigger === 'ONBUILD') {
      throw invalidArgument("Chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed");
    }
    if (trigger === 'MAINTAINER' || trigger === 'FROM') {
      throw invalidArgument(`${trigger} isn't allowed as an ONBUILD trigger`);
    }
    set(changing, { OnBuild: [...(changing.config.OnBuild ?? []), rest] });
  },
  stopsignal: (changing, { rest }) => {
    const signal = expanded(changing, single('STOPSIGNAL', rest));
    if (!isSignal(signal)) throw invalidArgument(`Invalid signal: ${signal}`);
    set(changing, { StopSignal: signal });
  },
  healthcheck: (changing, instruction) => set(changing, { Healthcheck: healthcheckOf(instruction) }),
};

const set = (changing: Changing, change: ImageConfig): void => {
  changing.config = { ...changing.config, ...change };
};

/** A JSON list as it is, or a line for the shell. */
const programOf = ({ Shell }: ImageConfig, rest: string): string[] =>
  jsonWords(rest) ?? [...(Shell === undefined || Shell.length === 0 ? ['/bin/sh', '-c'] : Shell), rest];

function required(name: string, words: readonly string[]): readonly string[] {
  if (words.every((word) => word === '')) throw invalidArgument(`${name} requires at least one argument`);
  return words;
}

function single(name: string, rest: string): string {
  if (rest === '') throw invalidArgument(`${name} requires exactly one argument`);
  return rest;
}

const variablesOf = ({ Env = [] }: ImageConfig): Variables =>
  new Map(
    Env.map((variable) => {
      const equals = variable.indexOf('=');
      return equals === -1 ? [variable, ''] : [variable.slice(0, equals), variable.slice(equals + 1)];
    }),
  );

const expanded = ({ config }: Changing, word: string): string => expandWord(word, variablesOf(config));

const expandedWords = (changing: Changing, words: readonly string[]): string[] =>
  words.map((word) => expanded(changing, word));

/** `a=b "c"=d`, or in the old way one name and its value behind a space. */
function pairsOf(name: string, rest: string, variables: Variables): [string, string][] {
  const [first, ...words] = quotedWords(required(name, [rest])[0] ?? '');
  if (first !== undefined && !first.includes('=')) {
    const value = rest.slice(first.length).trim();
    if (value === '') throw invalidArgument(`${name} must have two arguments`);
    return [[expandWord(first, variables), expandWord(value, variables)]];
  }
  return [first ?? '', ...words].map((word) => {
    const equals = word.indexOf('=');
    if (equals === -1) {
      throw invalidArgument(
        `Syntax error - can't find = in ${JSON.stringify(word)}. Must be of the form: name=value`,
      );
    }
    const key = expandWord(word.slice(0, equals), variables);
    if (key === '') throw invalidArgument(`${name} names can not be blank`);
    return [key, expandWord(word.slice(equals + 1), variables)];
  });
}

function isSignal(text: string): boolean {
  if (/^\d+$/.test(text)) return Number(text) > 0 && Number(text) <= 64;
  const name = text.toUpperCase().replace(/^SIG/, '');
  return Object.hasOwn(constants.signals, `SIG${name}`) || /^RT(MIN(\+\d{1,2})?|MAX(-\d{1,2})?)$/.test(name);
}
