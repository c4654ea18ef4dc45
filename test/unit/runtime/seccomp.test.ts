import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { CAPABILITIES, DEFAULT_CAPABILITIES } from '../../../runtime/security/capabilities.ts';
import { compileSeccomp, createSeccompCompiler } from '../../../runtime/security/seccomp.ts';
import { defaultSeccomp } from '../../../runtime/security/seccomp-profile.ts';
import { architecturesOf, createResolver } from '../../../runtime/security/seccomp-table.ts';
import type { Seccomp } from '../../../runtime/spec.ts';
import { evaluate } from './seccomp-verdict.ts';

const ALLOW = 0x7fff_0000;
const EPERM = 0x0005_0001;
const ENOSYS = 0x0005_0026;
const KILL = 0;
const X64 = 0xc000_003e;
const I386 = 0x4000_0003;

const profile = defaultSeccomp(DEFAULT_CAPABILITIES, 'x64');
const { program } = compileSeccomp(profile, 'x64');
const resolve = createResolver(architecturesOf([], 'x64')[0] ?? assert.fail());
const x64 = (name: string): number => resolve(name) ?? assert.fail(name);
const verdict = (name: string, ...args: bigint[]): number =>
  evaluate(program, { arch: X64, number: x64(name), args });

describe('the default profile', () => {
  for (const [name, args, expected] of [
    ['read', [], ALLOW],
    ['openat2', [], ALLOW],
    ['fchmodat2', [], ALLOW],
    ['chroot', [], ALLOW],
    ['ptrace', [], ALLOW],
    ['mount', [], EPERM],
    ['unshare', [], EPERM],
    ['bpf', [], EPERM],
    ['keyctl', [], EPERM],
    ['add_key', [], EPERM],
    ['userfaultfd', [], EPERM],
    ['io_uring_setup', [], EPERM],
    ['io_uring_enter', [], EPERM],
    ['kexec_load', [], EPERM],
    ['open_by_handle_at', [], EPERM],
    ['socket', [2n], ALLOW],
    ['socket', [16n], ALLOW],
    ['socket', [39n], ALLOW],
    ['socket', [41n], ALLOW],
    ['socket', [38n], EPERM],
    ['socket', [40n], EPERM],
    ['clone', [0x11n], ALLOW],
    ['clone', [0x3d0f00n], ALLOW],
    ['clone', [0x1000_0000n], EPERM],
    ['clone', [0x4000_0011n], EPERM],
    ['clone3', [], ENOSYS],
    ['personality', [0n], ALLOW],
    ['personality', [0xffff_ffffn], ALLOW],
    ['personality', [0x0040_0000n], EPERM],
    ['personality', [0x1_0000_0000n], EPERM],
  ] as const) {
    test(`${name}(${args.join(', ')})`, () => assert.equal(verdict(name, ...args), expected));
  }

  test('says ENOSYS to what is newer than itself, so that a libc falls back', () => {
    assert.equal(evaluate(program, { arch: X64, number: 466 }), ALLOW);
    for (const number of [467, 500, 100_000, 0x3fff_ffff, 0x4000_1000, 0xffff_ffff]) {
      assert.equal(evaluate(program, { arch: X64, number }), ENOSYS, String(number));
    }
  });

  test('kills on an architecture of another machine', () => {
    assert.equal(evaluate(program, { arch: 0xc000_00b7, number: 0 }), KILL);
  });

  test('holds on i386 and x32 too', () => {
    assert.equal(evaluate(program, { arch: I386, number: 3 }), ALLOW, 'read');
    assert.equal(evaluate(program, { arch: I386, number: 21 }), EPERM, 'mount');
    assert.equal(evaluate(program, { arch: X64, number: 0x4000_0000 }), ALLOW, 'x32 read');
    assert.equal(evaluate(program, { arch: X64, number: 0x4000_0000 + 165 }), EPERM, 'x32 mount');
  });

  test('gives an administrator mounts, namespaces and clone3', () => {
    const admin = compileSeccomp(defaultSeccomp(CAPABILITIES, 'x64'), 'x64').program;
    for (const name of ['mount', 'unshare', 'clone3', 'bpf', 'open_by_handle_at']) {
      assert.equal(evaluate(admin, { arch: X64, number: x64(name) }), ALLOW, name);
    }
    assert.equal(evaluate(admin, { arch: X64, number: x64('clone'), args: [0x1000_0000n] }), ALLOW);
    assert.equal(evaluate(admin, { arch: X64, number: x64('keyctl') }), EPERM);
  });

  test('is small: a tree of ranges', () => {
    assert.ok(program.byteLength / 8 < 500, String(program.byteLength / 8));
    const native = compileSeccomp({ ...profile, architectures: ['SCMP_ARCH_X86_64'] });
    assert.ok(native.program.byteLength / 8 <= 161);
  });

  test('agrees with a walk through its own rules, for every number', () => {
    const names = new Map<number, string[]>();
    for (const rule of (profile.syscalls ?? []).filter(({ args }) => args === undefined)) {
      for (const name of rule.names) {
        const number = resolve(name);
        if (number !== undefined) names.set(number, [...(names.get(number) ?? []), rule.action]);
      }
    }
    const conditional = new Set(['socket', 'personality', 'clone', 'clone3'].map(x64));
    for (let number = 0; number <= 466; number += 1) {
      if (conditional.has(number)) continue;
      const expected = names.has(number) ? ALLOW : EPERM;
      assert.equal(evaluate(program, { arch: X64, number }), expected, String(number));
    }
  });
});

describe('conditions', () => {
  const cases: readonly (readonly [
    op: string,
    value: number,
    valueTwo: number,
    arg: bigint,
    holds: boolean,
  ])[] = [
    ['SCMP_CMP_EQ', 5, 0, 5n, true],
    ['SCMP_CMP_EQ', 5, 0, 0x1_0000_0005n, false],
    ['SCMP_CMP_NE', 5, 0, 0x1_0000_0005n, true],
    ['SCMP_CMP_NE', 5, 0, 5n, false],
    ['SCMP_CMP_LT', 5, 0, 4n, true],
    ['SCMP_CMP_LT', 5, 0, 5n, false],
    ['SCMP_CMP_LT', 5, 0, 0x1_0000_0000n, false],
    ['SCMP_CMP_LE', 5, 0, 5n, true],
    ['SCMP_CMP_LE', 5, 0, 6n, false],
    ['SCMP_CMP_GT', 5, 0, 5n, false],
    ['SCMP_CMP_GT', 5, 0, 0x1_0000_0000n, true],
    ['SCMP_CMP_GE', 0x2_0000_0000, 0, 0x1_ffff_ffffn, false],
    ['SCMP_CMP_GE', 0x2_0000_0000, 0, 0x2_0000_0000n, true],
    ['SCMP_CMP_MASKED_EQ', 0xf0, 0x50, 0x5fn, true],
    ['SCMP_CMP_MASKED_EQ', 0xf0, 0x50, 0x6fn, false],
  ];
  for (const [op, value, valueTwo, arg, holds] of cases) {
    test(`${op} ${value} ${valueTwo} of ${arg}`, () => {
      const args = [{ index: 2, value, valueTwo, op }];
      const one: Seccomp = {
        defaultAction: 'SCMP_ACT_ERRNO',
        architectures: ['SCMP_ARCH_X86_64'],
        syscalls: [{ names: ['read'], action: 'SCMP_ACT_ALLOW', args }],
      };
      const compiled = compileSeccomp(one).program;
      const verdictOf = evaluate(compiled, { arch: X64, number: 0, args: [0n, 0n, arg] });
      assert.equal(verdictOf, holds ? ALLOW : EPERM);
    });
  }

  test('a profile that allows by default refuses what it names, and nothing newer', () => {
    const compiled = compileSeccomp({
      defaultAction: 'SCMP_ACT_ALLOW',
      architectures: ['SCMP_ARCH_X86_64'],
      syscalls: [{ names: ['mkdir'], action: 'SCMP_ACT_ERRNO', errnoRet: 13 }],
    }).program;
    assert.equal(evaluate(compiled, { arch: X64, number: 83 }), 0x0005_000d);
    assert.equal(evaluate(compiled, { arch: X64, number: 84 }), ALLOW);
    assert.equal(evaluate(compiled, { arch: X64, number: 9999 }), ALLOW);
  });

  test('an unknown action, architecture or flag is refused by name', () => {
    assert.throws(() => compileSeccomp({ defaultAction: 'SCMP_ACT_MAYBE' }), /SCMP_ACT_MAYBE/);
    assert.throws(
      () => compileSeccomp({ defaultAction: 'SCMP_ACT_ALLOW', architectures: ['PDP11'] }),
      /PDP11/,
    );
    assert.throws(() => compileSeccomp({ defaultAction: 'SCMP_ACT_ALLOW', flags: ['NEW'] }), /NEW/);
  });

  test('the same profile is compiled once', () => {
    const compile = createSeccompCompiler();
    assert.equal(compile(profile), compile(defaultSeccomp(DEFAULT_CAPABILITIES, 'x64')));
  });

  test('texts of runc', () => {
    const rule = (action: string, names: string[]): Seccomp => ({
      defaultAction: 'SCMP_ACT_ALLOW',
      syscalls: [{ names, action }],
    });
    for (const [wrong, message] of [
      [rule('SCMP_ACT_NOTIFY', ['read', 'write']), /SCMP_ACT_NOTIFY cannot be used for the write syscall/],
      [{ defaultAction: 'SCMP_ACT_NOTIFY' }, /SCMP_ACT_NOTIFY cannot be used as default action/],
      [rule('SCMP_ACT_NO', ['read']), /string SCMP_ACT_NO is not a valid action for seccomp/],
    ] as const) {
      assert.throws(() => compileSeccomp(wrong), message);
    }
  });
});
