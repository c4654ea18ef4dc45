import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { constants, tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { nativeDirectory } from '../../../native/ffi/library.ts';
import { Label, PlanBuilder } from '../../../runtime/plan/builder.ts';
import { encodePlan } from '../../../runtime/plan/encode.ts';

const directory = await mkdtemp(join(tmpdir(), 'wherry-plan-'));
after(() => rm(directory, { recursive: true }));
let files = 0;

/** Runs a plan with the interpreter alone; its exit code and what it printed. */
async function interpret(bytes: Uint8Array): Promise<{ code: number; stderr: string; stdout: string }> {
  const path = join(directory, `${++files}.plan`);
  await writeFile(path, bytes);
  return new Promise((resolve) => {
    execFile(join(nativeDirectory(), 'plan-run'), [path], { timeout: 10_000 }, (error, stdout, stderr) =>
      resolve({ code: typeof error?.code === 'number' ? error.code : 0, stdout, stderr }),
    );
  });
}

function plan(steps: (plan: PlanBuilder) => void): Buffer {
  const builder = new PlanBuilder();
  steps(builder);
  builder.end();
  return encodePlan(builder.build());
}

const CLONE_ARGS = (): Buffer => {
  const args = Buffer.alloc(88);
  args.writeBigUInt64LE(17n, 32);
  return args;
};

test('a plan that fails at step 2 says so, with its errno', async () => {
  const { code, stderr } = await interpret(
    plan((p) => {
      p.call('fine', 'getpid', []);
      p.call('also fine', 'getppid', []);
      p.call('missing', 'openat', [-100, '/no/such/file', 0]);
    }),
  );
  assert.equal(code, 125);
  assert.equal(stderr, `step 2 errno ${constants.errno.ENOENT} ignored 0\n`);
});

test('a forked child reports its own failing step', async () => {
  const { code, stderr } = await interpret(
    plan((p) => {
      const { parent } = p.fork('fork', CLONE_ARGS());
      p.call('missing', 'chdir', ['/no/such/directory']);
      parent();
    }),
  );
  assert.equal(code, 125);
  assert.match(stderr, /^step 1 errno 2 /);
});

test('ignored errnos are remembered and may jump', async () => {
  const { stderr } = await interpret(
    plan((p) => {
      const skip = new Label();
      p.call('absent', 'chdir', ['/no/such'], { ignore: ['ENOENT'], onIgnored: skip });
      p.fail('must be jumped over', 'EIO');
      p.here(skip);
      p.fail('here', 'EACCES');
    }),
  );
  assert.equal(stderr, `step 2 errno ${constants.errno.EACCES} ignored ${(1n << 2n).toString(16)}\n`);
});

test('results travel by slots, into arguments and into the blob', async () => {
  const path = join(directory, 'written');
  const { code, stderr } = await interpret(
    plan((p) => {
      const fd = p.call('open', 'openat', [-100, path, 0o101, 0o600], { save: true });
      const number = p.bytes(Buffer.from('????'));
      const pid = p.call('pid', 'getpid', [], { save: true });
      p.store('the pid as bytes', pid, number);
      p.call('write', 'write', [fd, { kind: 'blob', offset: number }, 4]);
    }),
  );
  assert.deepEqual([code, stderr], [0, '']);
  const written = await readFile(path);
  assert.ok(written.readUInt32LE(0) > 1 && written.toString() !== '????');
});

test('the exit code of what a plan executes comes through', async () => {
  const { code, stdout } = await interpret(
    plan((p) => {
      const { parent } = p.fork('fork', CLONE_ARGS());
      p.call('exec', 'execve', ['/bin/sh', p.strings(['sh', '-c', 'echo $A; exit 9']), p.strings(['A=b'])]);
      parent();
    }),
  );
  assert.deepEqual([code, stdout], [9, 'b\n']);
});

const sound = (): Buffer => plan((p) => p.call('open', 'openat', [-100, '/', 0]));
const patched = (at: number, value: number): Buffer => {
  const bytes = sound();
  bytes.writeUInt32LE(value, at);
  return bytes;
};
const STEP = 40;

for (const [name, bytes, errno] of [
  ['no magic', patched(0, 1), 'EBADMSG'],
  ['another version', patched(4, 99), 'EBADMSG'],
  ['a wrong length', Buffer.concat([sound(), Buffer.alloc(8)]), 'EBADMSG'],
  ['half of it missing', sound().subarray(0, 40), 'EBADMSG'],
  ['nothing in it', Buffer.alloc(0), 'EBADMSG'],
  ['more steps than bytes', patched(12, 60_000), 'EBADMSG'],
  ['a relocation count that overflows', patched(16, 0x2000_0000), 'EBADMSG'],
  ['an unknown operation', patched(STEP, 0xffff_00ff), 'EBADMSG'],
  ['a slot out of range', patched(STEP, 0x0400_0001), 'EBADMSG'],
  ['a jump out of the plan', patched(STEP + 16, 77), 'EBADMSG'],
  ['a string outside the blob', patched(STEP + 40, 0x00ff_ffff), 'EBADMSG'],
  ['17 MiB', Buffer.alloc(17 << 20), 'E2BIG'],
] as const) {
  test(`a plan with ${name} is refused before its first step`, async () => {
    const { code, stderr } = await interpret(bytes);
    assert.equal(code, 125);
    assert.equal(stderr, `load: errno ${constants.errno[errno]}\n`);
  });
}

test('arguments too large for a plan are refused, not truncated', () => {
  assert.throws(() => plan((p) => p.strings(['x'.repeat(17 << 20)])), { code: 'invalid-argument' });
});

test('arguments too large for the kernel fail the step, not silently', async () => {
  const { code, stderr } = await interpret(
    plan((p) =>
      p.call('exec', 'execve', ['/bin/true', p.strings(['true', 'x'.repeat(4 << 20)]), p.strings([])]),
    ),
  );
  assert.equal(code, 125);
  assert.match(stderr, new RegExp(`^step 0 errno ${constants.errno.E2BIG} `));
});

for (const [text, exits] of [
  ['42', 42],
  ['7\n', 7],
  ['', 125],
  ['0', 125],
  ['x', 125],
  ['12x', 125],
  ['-3', 125],
  ['2147483648', 125],
  ['99999999999999999999', 125],
] as const) {
  test(`a number is read of ${JSON.stringify(text)}: exit code ${exits}`, async () => {
    const { code } = await interpret(
      plan((p) => {
        const number = p.number('read', p.bytes(Buffer.from(`${text}\0`)));
        p.call('tell', 'exit_group', [number]);
      }),
    );
    assert.equal(code, exits);
  });
}
