import assert from 'node:assert/strict';
import { engineStories } from '../../lib/engine.ts';

await engineStories(import.meta.url, {
  'a container is created, started, waited for, read and removed': async (place) => {
    const { engine, ctx } = place;
    const { id, exitCode, output } = await place.run(['sh', '-c', 'echo out; echo err >&2; exit 7']);
    assert.equal(exitCode, 7);
    assert.equal(output, 'out\nerr\n');
    const { state, name } = engine.containers.get(id);
    assert.equal(state.kind, 'exited');
    assert.match(name, /^[a-z]+_[a-z]+$/);
    await engine.containers.remove(ctx, id, { force: false, volumes: false });
    assert.throws(() => engine.containers.get(id), { code: 'not-found', message: `No such container: ${id}` });
    assert.deepEqual(await place.leftovers(), []);
  },
});
