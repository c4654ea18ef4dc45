import { stdout } from 'node:process';
import { stripVTControlCharacters, styleText } from 'node:util';
import { startDaemon, type Daemon } from '../test/lib/daemon.ts';
import { eventually } from '../test/lib/process.ts';

/** What Wherry does, in half a minute: a daemon of its own, below a temporary directory, gone at the end. */
const style = stdout.isTTY && stdout.hasColors() ? styleText : (_: unknown, text: string): string => text;
const say = (text = ''): void => void stdout.write(`${text}\n`);
const title = (text: string): void => say(`\n${style(['bold', 'cyan'], text)}`);
const command = (text: string): void => say(`  ${style('dim', '$')} ${style('bold', text)}`);
const result = (text: string): void => say(`  ${style('green', '→')} ${text}`);
const shown = (text: string): void => {
  for (const line of text.trimEnd().split(/\r?\n/)) say(`  ${style('dim', '│')} ${line}`);
};
const ms = (since: number): string => style('yellow', `${(performance.now() - since).toFixed(0)} ms`);

title('Wherry: one container engine in TypeScript');
const beganAt = performance.now();
await using daemon = await startDaemon(undefined);
result(`wherryd is up, with a busybox image made of this host's busybox-static, after ${ms(beganAt)}`);
result(`pid ${daemon.pid}, socket ${daemon.socket}, everything below ${daemon.directory}`);
await hello(daemon);
await shell(daemon);
await memoryLimit(daemon);
await survivor(daemon);
await cleanUp(daemon);

async function hello(d: Daemon): Promise<void> {
  title('1  Hello');
  const words = 'hello from pid $$ of $(hostname), on $(ip -o -4 addr show eth0 | tr -s " " | cut -d" " -f4)';
  command(`wherry run --rm busybox sh -c 'echo ${words}'`);
  const startedAt = performance.now();
  const out = await d.wherryOk('run', '--rm', 'busybox', 'sh', '-c', `echo ${words}`);
  const took = ms(startedAt);
  shown(out);
  result(`the whole command took ${took}: image, network, limits, seccomp, exit code, removal`);
}

async function shell(d: Daemon): Promise<void> {
  title('2  A shell on a terminal');
  command('wherry run --rm -it busybox sh');
  const startedAt = performance.now();
  await using terminal = d.terminal('wherry', 'run', '--rm', '-it', 'busybox', 'sh');
  await terminal.shows(/# /);
  const took = ms(startedAt);
  terminal.type('tty; stty size; id -un\n');
  await terminal.shows('root');
  terminal.resize(40, 120);
  await new Promise((resolve) => setTimeout(resolve, 100));
  terminal.type('stty size # after the window grew\n');
  await terminal.shows('40 120');
  terminal.type('exit 7\n');
  const code = await terminal.exit;
  shown(tidy(terminal.screen()));
  result(`the prompt came after ${took}; the exit code came back: ${code}`);
}

/** The session without the shell's banner, its questions to the terminal and the prompts that came while it was busy. */
function tidy(screen: string): string {
  const text = stripVTControlCharacters(screen);
  return text.slice(text.indexOf('/ #')).replaceAll(/(\/ # )+/g, '/ # ');
}

async function memoryLimit(d: Daemon): Promise<void> {
  title('3  A memory limit');
  command("wherry run --name hungry -m 20m busybox sh -c 'head -c 200m /dev/zero | tail'");
  const startedAt = performance.now();
  const { code } = await d.wherry(
    'run',
    '--name',
    'hungry',
    '-m',
    '20m',
    'busybox',
    'sh',
    '-c',
    'head -c 200m /dev/zero | tail',
  );
  const took = ms(startedAt);
  const killed = await d.wherryOk('inspect', '-f', '{{.State.OOMKilled}}', 'hungry');
  result(`exit code ${code} after ${took}; killed for its memory: ${killed}`);
}

async function survivor(d: Daemon): Promise<void> {
  title('4  A container that outlives its daemon');
  const script = 'i=0; while :; do i=$((i+1)); echo tick $i; sleep 0.05; done';
  command(`wherry run -d --name clock busybox sh -c '${script}'`);
  const startedAt = performance.now();
  await d.wherryOk('run', '-d', '--name', 'clock', 'busybox', 'sh', '-c', script);
  result(
    `started after ${ms(startedAt)}, pid ${await d.wherryOk('inspect', '-f', '{{.State.Pid}}', 'clock')}`,
  );
  command(`kill -9 ${d.pid}  # wherryd`);
  await d.kill9();
  await new Promise((resolve) => setTimeout(resolve, 500));
  command('wherryd');
  const restartedAt = performance.now();
  await d.restart();
  const took = ms(restartedAt);
  command('wherry ps');
  shown(await d.wherryOk('ps', '--format', 'table {{.Names}}\t{{.Image}}\t{{.Status}}'));
  const ticks = await eventually('the clock went on', async () => {
    const numbers = (await d.wherryOk('logs', 'clock'))
      .split('\n')
      .map((line) => Number(line.slice('tick '.length)));
    return numbers.length > 12 && numbers;
  });
  const gaps = ticks.filter((tick, index) => tick !== index + 1).length;
  result(
    `wherryd was back after ${took} and found it; of ${ticks.length} lines in the log ${gaps} are missing`,
  );
}

async function cleanUp(d: Daemon): Promise<void> {
  title('Clean up');
  command('wherry rm -f clock hungry');
  const startedAt = performance.now();
  await d.wherryOk('rm', '-f', 'clock', 'hungry');
  result(`removed after ${ms(startedAt)}`);
  const leftovers = await d.leftovers();
  result(
    leftovers.length === 0 ? 'no process, mount, cgroup, link, rule or file is left' : leftovers.join('\n'),
  );
  say(
    `\nNext: ${style('bold', 'make test')}, ${style('bold', 'make bench')}, ${style('bold', 'make install')}, then ${style('bold', 'wherry run -it busybox')}\n`,
  );
}
