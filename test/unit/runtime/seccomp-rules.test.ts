import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { syscallNumber } from '../../../native/ffi/numbers.ts';
import { resolveSyscall } from '../../../native/ffi/seccomp.ts';
import { parseExact, stringifyExact } from '../../../runtime/exact-json.ts';
import { DEFAULT_CAPABILITIES } from '../../../runtime/security/capabilities.ts';
import { compileSeccomp } from '../../../runtime/security/seccomp.ts';
import { SECCOMP_ACTIONS, SECCOMP_FLAGS } from '../../../runtime/security/seccomp-actions.ts';
import { SECCOMP_OPERATORS } from '../../../runtime/security/seccomp-arguments.ts';
import { defaultSeccomp } from '../../../runtime/security/seccomp-profile.ts';
import {
  architecturesOf,
  createResolver,
  SECCOMP_ARCHITECTURES,
} from '../../../runtime/security/seccomp-table.ts';
import type { Seccomp } from '../../../runtime/spec.ts';
import { evaluate } from './seccomp-verdict.ts';

const ALLOW = 0x7fff_0000;
const EPERM = 0x0005_0001;
const KILL = 0;
const X64 = 0xc000_003e;
const I386 = 0x4000_0003;

const resolvers = new Map(
  (['SCMP_ARCH_X86_64', 'SCMP_ARCH_X86', 'SCMP_ARCH_X32'] as const).map((name) => [
    name,
    createResolver(architecturesOf([name], 'x64').at(-1) ?? assert.fail(name)),
  ]),
);
const x64 = (name: string): number => resolvers.get('SCMP_ARCH_X86_64')?.(name) ?? assert.fail(name);

const only = (
  defaultAction: string,
  syscalls: Seccomp['syscalls'] = [],
  more: Partial<Seccomp> = {},
): Uint8Array => compileSeccomp({ defaultAction, syscalls, ...more }, 'x64').program;
const on = (compiled: Uint8Array, name: string, ...args: bigint[]): number =>
  evaluate(compiled, { arch: X64, number: x64(name), args });

describe('actions', () => {
  for (const [action, value] of [
    ['SCMP_ACT_KILL', 0],
    ['SCMP_ACT_KILL_THREAD', 0],
    ['SCMP_ACT_KILL_PROCESS', 0x8000_0000],
    ['SCMP_ACT_TRAP', 0x0003_0000],
    ['SCMP_ACT_ERRNO', 0x0005_0001],
    ['SCMP_ACT_TRACE', 0x7ff0_0001],
    ['SCMP_ACT_LOG', 0x7ffc_0000],
    ['SCMP_ACT_NOTIFY', 0x7fc0_0000],
  ] as const) {
    test(action, () => {
      assert.equal(on(only('SCMP_ACT_ALLOW', [{ names: ['mkdir'], action }]), 'mkdir'), value);
    });
  }

  test('an errno and a tracer get the data', () => {
    const compiled = only('SCMP_ACT_ALLOW', [
      { names: ['mkdir'], action: 'SCMP_ACT_ERRNO', errnoRet: 100 },
      { names: ['rmdir'], action: 'SCMP_ACT_TRACE', errnoRet: 7 },
    ]);
    assert.deepEqual([on(compiled, 'mkdir'), on(compiled, 'rmdir')], [0x0005_0064, 0x7ff0_0007]);
  });

  test('all are listed', () => {
    assert.equal(SECCOMP_ACTIONS.length, 9);
    for (const action of SECCOMP_ACTIONS.filter((each) => each !== 'SCMP_ACT_NOTIFY')) only(action);
  });
});

describe('flags', () => {
  const flags = (names: string[] | undefined, action = 'SCMP_ACT_LOG'): number =>
    compileSeccomp({
      defaultAction: 'SCMP_ACT_ALLOW',
      syscalls: [{ names: ['mkdir'], action }],
      ...(names === undefined ? {} : { flags: names }),
    }).flags;
  const [tsync, log, spec, killable] = ['TSYNC', 'LOG', 'SPEC_ALLOW', 'WAIT_KILLABLE_RECV'].map(
    (name) => `SECCOMP_FILTER_FLAG_${name}`,
  ) as [string, string, string, string];
  for (const [name, names, expected] of [
    ['without a list', undefined, 4],
    ['an empty list', [], 0],
    ['thread synchronisation is nothing to do', [tsync], 0],
    ['all', [tsync, log, spec], 6],
    ['what a listener needs, without one', [killable], 0],
  ] as const) {
    test(name, () => assert.equal(flags(names === undefined ? undefined : [...names]), expected));
  }
  test('a listener', () => {
    assert.equal(flags([], 'SCMP_ACT_NOTIFY'), 8);
    assert.equal(flags([killable], 'SCMP_ACT_NOTIFY'), 40);
  });
});

describe('rules, as libseccomp has them', () => {
  const conditional = (action: string, value: number): NonNullable<Seccomp['syscalls']>[number] => ({
    names: ['read'],
    action,
    args: [{ index: 0, value, op: 'SCMP_CMP_EQ' }],
  });
  const plain = (action: string, names = ['read']): NonNullable<Seccomp['syscalls']>[number] => ({
    names,
    action,
  });

  test('one that says the default is no rule', () => {
    const compiled = only('SCMP_ACT_ALLOW', [plain('SCMP_ACT_ALLOW'), plain('SCMP_ACT_ERRNO')]);
    assert.equal(on(compiled, 'read'), EPERM);
  });

  test('the first one without conditions settles it, whatever conditions others have', () => {
    const rules = [
      conditional('SCMP_ACT_KILL', 1),
      plain('SCMP_ACT_LOG'),
      plain('SCMP_ACT_TRAP'),
      conditional('SCMP_ACT_KILL', 2),
    ];
    const compiled = only('SCMP_ACT_ERRNO', rules);
    for (const arg of [0n, 1n, 2n]) assert.equal(on(compiled, 'read', arg), 0x7ffc_0000);
  });

  test('conditions on one argument are alternatives, on several they must all hold', () => {
    const args = (...list: readonly (readonly [number, number])[]): Seccomp['syscalls'] => [
      {
        names: ['read'],
        action: 'SCMP_ACT_ALLOW',
        args: list.map(([index, value]) => ({ index, value, op: 'SCMP_CMP_EQ' })),
      },
    ];
    const either = only('SCMP_ACT_ERRNO', args([0, 1], [0, 2]));
    assert.deepEqual(
      [1n, 2n, 3n].map((arg) => on(either, 'read', arg)),
      [ALLOW, ALLOW, EPERM],
    );
    const both = only('SCMP_ACT_ERRNO', args([0, 1], [1, 2]));
    assert.deepEqual([on(both, 'read', 1n, 2n), on(both, 'read', 1n, 3n)], [ALLOW, EPERM]);
  });

  test('a name that nobody knows is ignored', () => {
    assert.equal(
      on(only('SCMP_ACT_ERRNO', [plain('SCMP_ACT_ALLOW', ['no_such_call', 'read'])]), 'read'),
      ALLOW,
    );
  });

  test('without rules the default holds for every number', () => {
    for (const number of [0, 1, 600])
      assert.equal(evaluate(only('SCMP_ACT_ERRNO'), { arch: X64, number }), EPERM);
  });

  test('numbers of 64 bits are whole', () => {
    const text =
      '[{"index":0,"value":18446744073709551615,"op":"SCMP_CMP_EQ"},{"index":1,"value":9007199254740993,"op":"SCMP_CMP_EQ"}]';
    const args = parseExact(text) as NonNullable<NonNullable<Seccomp['syscalls']>[number]['args']>;
    const compiled = only('SCMP_ACT_ERRNO', [{ names: ['read'], action: 'SCMP_ACT_ALLOW', args }]);
    assert.equal(on(compiled, 'read', 2n ** 64n - 1n, 9007199254740993n), ALLOW);
    assert.equal(on(compiled, 'read', 2n ** 64n - 1n, 9007199254740992n), EPERM);
    assert.equal(stringifyExact(args), text, 'and stay so in a state file');
    assert.equal(stringifyExact({ a: 1 }), '{"a":1}');
  });
});

describe('architectures', () => {
  test('its own is in every profile', () => {
    const compiled = only('SCMP_ACT_ALLOW', [{ names: ['mkdir'], action: 'SCMP_ACT_ERRNO' }], {
      architectures: ['SCMP_ARCH_X86'],
    });
    assert.equal(on(compiled, 'mkdir'), EPERM);
    assert.equal(evaluate(compiled, { arch: I386, number: 39 }), EPERM);
  });

  test('calls of x32 are no way around a profile that does not have it', () => {
    const refuse = [{ names: ['ptrace'], action: 'SCMP_ACT_ERRNO' }];
    const without = only('SCMP_ACT_ALLOW', refuse, { architectures: ['SCMP_ARCH_X86_64'] });
    assert.equal(evaluate(without, { arch: X64, number: 0x4000_0000 + 521 }), KILL);
    const having = only('SCMP_ACT_ALLOW', refuse, { architectures: ['SCMP_ARCH_X32'] });
    assert.equal(
      evaluate(having, { arch: X64, number: 0x4000_0000 + 521 }),
      EPERM,
      'ptrace has its own number',
    );
  });

  test('a socket call of i386 is refused through socketcall too', () => {
    const compiled = only('SCMP_ACT_ALLOW', [{ names: ['socket', 'shmget'], action: 'SCMP_ACT_ERRNO' }], {
      architectures: ['SCMP_ARCH_X86'],
    });
    const i386 = (number: number, first: bigint): number =>
      evaluate(compiled, { arch: I386, number, args: [first] });
    assert.deepEqual([i386(359, 0n), i386(102, 1n), i386(102, 2n)], [EPERM, EPERM, ALLOW]);
    assert.deepEqual([i386(117, 23n), i386(117, 24n)], [EPERM, ALLOW]);
  });

  test('an argument of 32 bits has no upper half', () => {
    const args = [{ index: 0, value: 2 ** 64, op: 'SCMP_CMP_EQ' }];
    const compiled = only('SCMP_ACT_ALLOW', [{ names: ['read'], action: 'SCMP_ACT_ERRNO', args }], {
      architectures: ['SCMP_ARCH_X86'],
    });
    assert.equal(evaluate(compiled, { arch: I386, number: 3, args: [0xffff_ffffn] }), EPERM);
  });

  test('those of other machines are known, and nothing here', () => {
    assert.equal(
      Buffer.compare(only('SCMP_ACT_ALLOW'), only('SCMP_ACT_ALLOW', [], { architectures: [...FOREIGN] })),
      0,
    );
    assert.equal(SECCOMP_ARCHITECTURES.length, 23);
    assert.equal(SECCOMP_FLAGS.length, 4);
    assert.equal(SECCOMP_OPERATORS.length, 7);
  });

  test('a filter of arm64 has its own numbers', () => {
    const { program: arm } = compileSeccomp(defaultSeccomp(DEFAULT_CAPABILITIES, 'arm64'), 'arm64');
    const [aarch64, arm32] = [0xc000_00b7, 0x4000_0028];
    assert.equal(evaluate(arm, { arch: aarch64, number: 63 }), ALLOW, 'read');
    assert.equal(evaluate(arm, { arch: aarch64, number: 40 }), EPERM, 'mount');
    assert.equal(evaluate(arm, { arch: arm32, number: 3 }), ALLOW, 'read');
    assert.equal(evaluate(arm, { arch: arm32, number: 21 }), EPERM, 'mount');
    assert.equal(evaluate(arm, { arch: arm32, number: 0xf_0005 }), ALLOW, 'set_tls');
    assert.equal(evaluate(arm, { arch: X64, number: 0 }), KILL);
  });
});

describe('the table of numbers', () => {
  test('agrees with the one that plans use', () => {
    for (const name of [
      'read',
      'openat2',
      'clone3',
      'seccomp',
      'set_mempolicy_home_node',
      'pidfd_getfd',
    ] as const) {
      const machine = process.arch === 'arm64' ? 'arm64' : 'x64';
      const [native] = architecturesOf([], machine);
      assert.equal(createResolver(native ?? assert.fail())(name), syscallNumber(name));
    }
  });

  test('agrees with libseccomp', () => {
    for (const [name, resolve] of resolvers) {
      for (const call of ['read', 'ptrace', 'execve', 'mmap', 'statx', 'clone', 'io_uring_setup']) {
        assert.equal(resolve(call), resolveSyscall(TOKENS[name], call), `${call} of ${name}`);
      }
    }
  });
});

const TOKENS = { SCMP_ARCH_X86_64: 0xc000_003e, SCMP_ARCH_X86: 0x4000_0003, SCMP_ARCH_X32: 0x4000_003e };
const FOREIGN = [
  'SCMP_ARCH_MIPS64',
  'SCMP_ARCH_S390X',
  'SCMP_ARCH_RISCV64',
  'SCMP_ARCH_LOONGARCH64',
  'SCMP_ARCH_PARISC',
];
