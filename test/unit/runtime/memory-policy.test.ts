import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PlanBuilder } from '../../../runtime/plan/builder.ts';
import { formatPlan } from '../../../runtime/plan/format.ts';
import { setMemoryPolicy } from '../../../runtime/process/memory-policy.ts';
import type { Linux } from '../../../runtime/spec.ts';

const planOf = (memoryPolicy: NonNullable<Linux['memoryPolicy']>): string => {
  const plan = new PlanBuilder();
  setMemoryPolicy(plan, { namespaces: [], memoryPolicy });
  return formatPlan(plan.build());
};

test('a policy is one call with its mode, flags and nodes', () => {
  assert.match(
    planOf({ mode: 'MPOL_BIND', nodes: '0-1', flags: ['MPOL_F_STATIC_NODES'] }),
    /set_mempolicy\(0x8002, .*, 0x41\)/,
  );
  assert.match(planOf({ mode: 'MPOL_LOCAL' }), /set_mempolicy\(4, 0, 0\)/);
});

for (const [policy, message] of [
  [{ mode: 'MPOL_NONE' }, /invalid memory policy mode: MPOL_NONE/],
  [{ mode: 'MPOL_BIND' }, /MPOL_BIND mode requires at least one node/],
  [{ mode: 'MPOL_DEFAULT', nodes: '0' }, /MPOL_DEFAULT mode requires 0 nodes but got 1/],
  [{ mode: 'MPOL_BIND', nodes: 'x' }, /invalid memory policy nodes: "x"/],
  [{ mode: 'MPOL_PREFERRED', flags: ['X'] }, /invalid memory policy flag: X/],
] as const) {
  test(`${JSON.stringify(policy)} is refused`, () => {
    assert.throws(() => planOf({ ...policy, flags: [...('flags' in policy ? policy.flags : [])] }), message);
  });
}
