/** An exec, and what comes of it. */
export interface ExecCase {
  /** Into the body of `POST /containers/x/exec`, which has both outputs attached. */
  readonly ask?: object;
  /** The body of `POST /exec/x/start`; without one the client reads as the exec writes. */
  readonly start?: object;
  /** Run by a shell, unless `ask` has a command. */
  readonly script?: string;
  readonly input?: string;
  /** All that came: `raw: …`, or in docker's frames `stdout: …` and `stderr: …`. */
  readonly says: RegExp;
  /** When the connection has ended, inspect's JSON of the exec has it. */
  readonly shows?: RegExp;
  /** Says `made` in the same container afterwards. */
  readonly later?: string;
}

/** Docker's ExecConfig (API 1.51), a case a field. */
export const EXEC_FIELDS: Readonly<Record<string, ExecCase>> = {
  AttachStdin: {
    ask: { AttachStdin: true },
    script: 'read word; echo got $word',
    input: 'typed\n',
    says: /^stdout: got typed\n$/,
    shows: /"OpenStdin":true/,
  },
  AttachStdout: {
    ask: { AttachStderr: false },
    script: 'echo out; echo err >&2',
    says: /^stdout: out\n$/,
    shows: /"OpenStdout":true/,
  },
  AttachStderr: {
    ask: { AttachStdout: false },
    script: 'echo out; echo err >&2',
    says: /^stderr: err\n$/,
    shows: /"OpenStderr":true/,
  },
  ConsoleSize: { ask: { Tty: true, ConsoleSize: [33, 44] }, script: 'stty size', says: /^raw: 33 44\r\n$/ },
  DetachKeys: {
    ask: { Tty: true, AttachStdin: true, DetachKeys: 'x,y' },
    script: 'sleep 1000',
    input: 'xy',
    says: /^raw: /,
    shows: /"Running":true/,
  },
  Tty: { ask: { Tty: true }, script: 'tty', says: /^raw: \/dev\/pts\/\d+\r\n$/, shows: /"tty":true/ },
  Env: { ask: { Env: ['A=b'] }, script: 'echo $A', says: /^stdout: b\n$/ },
  Cmd: { ask: { Cmd: ['echo', 'cmd'] }, says: /^stdout: cmd\n$/, shows: /"arguments":\["cmd"\]/ },
  Privileged: {
    ask: { Privileged: true },
    script: 'ip link set lo mtu 1234 && cat /sys/class/net/lo/mtu',
    says: /^stdout: 1234\n$/,
    shows: /"privileged":true/,
  },
  User: { ask: { User: '7:8' }, script: 'id -u; id -g', says: /^stdout: 7\n8\n$/, shows: /"user":"7:8"/ },
  WorkingDir: { ask: { WorkingDir: '/etc' }, script: 'pwd', says: /^stdout: \/etc\n$/ },
};

const SIZED = { Tty: true, ConsoleSize: [33, 44] };

/** ExecStartConfig, a list of cases a field. */
export const EXEC_START_FIELDS: Readonly<Record<string, readonly ExecCase[]>> = {
  Detach: [{ start: { Detach: true }, script: 'echo made > /made', says: /^$/, later: 'cat /made' }],
  // It says how the client reads, whatever the exec was made with.
  Tty: [
    { start: { Tty: true }, script: 'echo out', says: /^raw: out\n$/ },
    { ask: { Tty: true }, start: { Tty: false }, script: 'echo out', says: /^stdout: out\r\n$/ },
    { ask: { Tty: true }, start: {}, script: 'echo out', says: /^stdout: out\r\n$/ },
    { start: { Tty: true }, ask: { Cmd: ['/none'] }, says: /^raw: .*\/none.*no such file.*\r\n$/s },
    {
      ask: { Tty: true, Cmd: ['/none'] },
      start: { Tty: false },
      says: /^stdout: .*\/none.*no such file.*\r\n$/s,
    },
  ],
  ConsoleSize: [
    { ask: { Tty: true }, start: SIZED, script: 'stty size', says: /^raw: 33 44\r\n$/ },
    {
      ask: { Tty: true, ConsoleSize: [5, 6] },
      start: SIZED,
      script: 'stty size',
      says: /^raw: 33 44\r\n$/,
    },
    {
      ask: { Tty: true },
      start: { ...SIZED, Tty: false },
      script: 'stty size',
      // Of a terminal without a size.
      says: /^stdout: stty: /,
    },
  ],
};
