import assert from 'node:assert/strict';
import { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';
import type { Exec, ExecCreateRequest } from '../../../daemon/core/contract.ts';
import { createExecTable } from '../../../daemon/core/execs/table.ts';
import { openExecStore } from '../../../daemon/store/execs.ts';
import { EXEC } from '../../lib/exec-request.ts';

const REQUEST: ExecCreateRequest = { ...EXEC, container: 'c', cmd: ['true'] };

const made = (id: string): Exec => ({ id, containerId: 'c', request: REQUEST, state: { kind: 'created' } });

function end(table: ReturnType<typeof createExecTable>, id: string): void {
  const entry = table.insert(made(id));
  table.advance(entry, 'created', { kind: 'starting' });
  table.advance(entry, 'starting', { kind: 'exited', exitCode: 3, pid: 4 });
}

test('of those that have ended only the last thousand or so are remembered, in rows as in memory', () => {
  const store = openExecStore<ExecCreateRequest>(new DatabaseSync(':memory:'));
  const table = createExecTable(store);
  table.insert(made('unstarted'));
  for (let n = 0; n < 2500; n++) end(table, `e${n}`);
  const ids = [...table.all()].map(({ id }) => id);
  assert.ok(ids.length > 1000 && ids.length <= 1101, `${ids.length} are remembered`);
  assert.deepEqual(new Set(store.all().map(({ id }) => id)), new Set(ids));
  assert.ok(ids.includes('unstarted') && ids.includes('e2499'));
  assert.throws(() => table.find('e0'), { code: 'not-found' });
});

test('an old end is forgotten, whichever daemon saw it', () => {
  const store = openExecStore<ExecCreateRequest>(new DatabaseSync(':memory:'));
  const earlier = createExecTable(store);
  for (const id of ['old', 'new']) end(earlier, id);
  const atMs = Date.now() - 6 * 60_000;
  store.setEnd('old', { exitCode: 3, pid: 4, atMs });
  const table = createExecTable(store);
  for (const { id, containerId, request, end: ended } of store.all())
    table.adopt({ id, containerId, request, state: { kind: 'exited', exitCode: 3, pid: 4 } }, ended?.atMs);
  table.insert(made('next'));
  assert.throws(() => table.find('old'), { code: 'not-found' });
  assert.equal(table.find('new').view.state.kind, 'exited');
  assert.deepEqual(
    store.all().map(({ id, end: ended }) => [id, ended?.exitCode]),
    [
      ['next', undefined],
      ['new', 3],
    ],
  );
});

test('a table of an earlier version: what is in it may still run', () => {
  const db = new DatabaseSync(':memory:');
  db.exec(
    'CREATE TABLE execs (id TEXT PRIMARY KEY, container_id TEXT NOT NULL, request TEXT NOT NULL) STRICT',
  );
  db.prepare('INSERT INTO execs VALUES (?, ?, ?)').run('e', 'c', JSON.stringify({ cmd: ['true'] }));
  const store = openExecStore<unknown>(db);
  const [row] = store.all();
  assert.deepEqual(row, { id: 'e', containerId: 'c', request: { cmd: ['true'] }, end: undefined });
  store.setEnd('e', { exitCode: 1, pid: 2, atMs: 3 });
  assert.deepEqual(openExecStore<unknown>(db).all()[0]?.end, { exitCode: 1, pid: 2, atMs: 3 });
});
