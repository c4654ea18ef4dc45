import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import type { Seccomp } from '../../runtime/spec.ts';
import { eventually } from '../lib/process.ts';
import { findProgram, requires } from '../lib/requires.ts';
import { openRuntime, type TestRuntime } from '../lib/runtime.ts';

/** An agent: takes one listener after another, prints what came with it, and answers each call with "No medium found". */
const AGENT = `
#define _GNU_SOURCE
#include <errno.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static void serve(int listener)
{
	for (;;) {
		struct seccomp_notif call;
		struct seccomp_notif_resp answer;
		memset(&call, 0, sizeof(call));
		if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &call) < 0)
			_exit(0);
		memset(&answer, 0, sizeof(answer));
		answer.id = call.id;
		answer.error = -ENOMEDIUM;
		ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &answer);
	}
}

int main(int argc, char **argv)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int server = socket(AF_UNIX, SOCK_STREAM, 0);

	strncpy(address.sun_path, argv[argc - 1], sizeof(address.sun_path) - 1);
	if (bind(server, (struct sockaddr *)&address, sizeof(address)) < 0 || listen(server, 5) < 0)
		return 1;
	for (;;) {
		static char text[65536];
		char control[CMSG_SPACE(sizeof(int))];
		struct iovec part = { text, sizeof(text) - 1 };
		struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1, .msg_control = control,
					  .msg_controllen = sizeof(control) };
		int client = accept(server, NULL, NULL), listener;
		ssize_t bytes = recvmsg(client, &message, 0);
		if (bytes <= 0 || CMSG_FIRSTHDR(&message) == NULL)
			return 2;
		memcpy(&listener, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof(int));
		printf("%.*s\\n", (int)bytes, text);
		fflush(stdout);
		close(client);
		if (fork() == 0)
			serve(listener);
		close(listener);
	}
}
`;

interface Agent {
  readonly path: string;
  /** The process states that it got, as JSON. */
  readonly states: () => {
    pid: number;
    metadata: string;
    fds: string[];
    state: { id: string; status: string };
  }[];
}

async function openAgent(t: TestContext, { directory }: TestRuntime): Promise<Agent> {
  const [source, program, path] = ['agent.c', 'agent', 'agent.sock'].map((name) => join(directory, name)) as [
    string,
    string,
    string,
  ];
  await writeFile(source, AGENT);
  const built = spawnSync(findProgram('gcc') ?? '', ['-o', program, source], { encoding: 'utf8' });
  assert.equal(built.status, 0, built.stderr);
  const agent = spawn(program, [path], { stdio: ['ignore', 'pipe', 'inherit'] });
  let said = '';
  agent.stdout.on('data', (data: Buffer) => (said += data.toString()));
  t.after(() => agent.kill('SIGKILL'));
  await eventually('the agent listens', () => existsSync(path));
  const states: Agent['states'] = () =>
    said
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as ReturnType<Agent['states']>[number]);
  return { path, states };
}

async function runtime(t: TestContext): Promise<TestRuntime> {
  const opened = await openRuntime();
  t.after(() => opened[Symbol.asyncDispose]());
  return opened;
}

const held = (listenerPath: string, names = ['mkdir', 'mkdirat']): Seccomp => ({
  defaultAction: 'SCMP_ACT_ALLOW',
  listenerPath,
  listenerMetadata: 'some data',
  syscalls: [{ names, action: 'SCMP_ACT_NOTIFY' }],
});
const MKDIR = ['busybox', 'mkdir', '/made'];

describe('calls that an agent decides', requires('root', 'busybox', 'compiler'), () => {
  for (const noNewPrivileges of [false, true]) {
    test(`of a first and of a further process, no_new_privs ${noNewPrivileges}`, async (t) => {
      const r = await runtime(t);
      const agent = await openAgent(t, r);
      const linux = { seccomp: held(agent.path) };
      const process = { noNewPrivileges };
      const bundle = await r.bundle('c', { args: MKDIR, linux, process });
      const first = await r.run(['run', '--bundle', bundle, 'c']);
      assert.match(first.stderr, /made.*No medium found/);
      assert.equal(agent.states()[0]?.metadata, 'some data');
      assert.deepEqual(agent.states()[0]?.fds, ['seccompFd']);
      assert.equal(agent.states()[0]?.state.id, 'c');
      await r.ok('run', '--detach', '--bundle', await r.bundle('d', { linux, process }), 'd');
      const further = await r.run(['exec', 'd', ...MKDIR]);
      assert.match(further.stderr, /made.*No medium found/);
      assert.equal(agent.states().length, 3);
    });
  }

  test('without an agent nothing starts', async (t) => {
    const r = await runtime(t);
    const linux = { seccomp: held(join(r.directory, 'nobody')) };
    const { code, stderr } = await r.run(['run', '--bundle', await r.bundle('c', { linux }), 'c']);
    assert.equal(code, 1);
    assert.match(stderr, /failed to connect with seccomp agent/);
    assert.deepEqual(await r.leftovers(), []);
  });

  test('not the one that says where the listener is', async (t) => {
    const r = await runtime(t);
    const linux = { seccomp: held('/nowhere', ['write']) };
    const { stderr } = await r.run(['run', '--bundle', await r.bundle('c', { linux }), 'c']);
    assert.match(stderr, /SCMP_ACT_NOTIFY cannot be used for the write syscall/);
  });
});

test(
  'what a filter refuses after it was loaded, a launch does without',
  requires('root', 'busybox'),
  async (t) => {
    const r = await runtime(t);
    const names =
      'close_range fsopen fsconfig fspick openat2 open_tree move_mount mount_setattr faccessat2 setresuid setresgid keyctl';
    const seccomp: Seccomp = {
      defaultAction: 'SCMP_ACT_ALLOW',
      syscalls: [{ names: names.split(' '), action: 'SCMP_ACT_ERRNO', errnoRet: 38 }],
    };
    for (const noNewPrivileges of [false, true]) {
      const name = `c${noNewPrivileges}`;
      const user = { uid: 1000, gid: 1000 };
      const change = { args: ['id', '-u'], linux: { seccomp }, process: { noNewPrivileges, user } };
      assert.equal(await r.ok('run', '--bundle', await r.bundle(name, change), name), '1000');
    }
  },
);
