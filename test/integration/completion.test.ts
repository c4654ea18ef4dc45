import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { built } from '../lib/clients.ts';
import { exec } from '../lib/process.ts';
import { daemonSuite } from '../lib/suite.ts';

/** What bash offers when Tab is pressed behind `line`, with the script that `wherry completion bash` prints. */
const PRESS_TAB = `
source <("$WHERRY" completion bash)
COMP_LINE=$LINE COMP_POINT=\${#LINE}
_wherry
printf '%s\\n' "\${COMPREPLY[@]}"
`;

daemonSuite('completion', (daemon) => {
  const offers = async (rest: string): Promise<string[]> => {
    const line = `wherry ${rest}`;
    const env = {
      ...process.env,
      LINE: line,
      WHERRY: built('wherry'),
      PATH: `${join(built('wherry'), '..')}:${process.env['PATH']}`,
      WHERRY_HOST: `unix://${daemon().socket}`,
      DOCKER_CONFIG: join(daemon().directory, 'c'),
    };
    const { stdout, stderr, code } = await exec(['bash', '--norc', '-c', PRESS_TAB], { env });
    assert.equal(code, 0, stderr);
    return stdout.split('\n').filter((each) => each !== '');
  };

  test('bash is offered commands and flags', async () => {
    assert.deepEqual(await offers('ver'), ['version']);
    assert.deepEqual(await offers('stat'), ['stats']);
    assert.deepEqual((await offers('s')).toSorted(), ['save', 'search', 'start', 'stats', 'stop', 'system']);
    assert.deepEqual(await offers('--tlsca'), ['--tlscacert']);
    assert.ok((await offers('context ')).includes('use'));
    assert.deepEqual(await offers('container pr'), ['prune']);
    assert.deepEqual(await offers('run --cpu-sh'), ['--cpu-shares']);
    assert.deepEqual(await offers('run --dry'), ['--dry-run']);
    assert.deepEqual(await offers('export-run --c'), ['--compose', '--create']);
    assert.deepEqual(await offers('top --so'), ['--sort']);
    assert.deepEqual(await offers('edit --label-'), ['--label-add', '--label-rm']);
    assert.deepEqual(await offers('update --restart-b'), ['--restart-backoff']);
    assert.deepEqual(await offers('run --pull '), ['always', 'missing', 'never']);
    assert.deepEqual(await offers('run --pull=mi'), ['missing']);
    assert.deepEqual(await offers('run -it busybox --cpu-sh'), []);
    assert.deepEqual(await offers('nonsense '), []);
    assert.ok(!(await offers('')).includes('__complete'));
  });

  test('bash is offered names that the daemon knows', async () => {
    // The first network starts the daemon's worker for them, which stays.
    await daemon().dockerOk('network', 'create', 'first');
    await daemon().dockerOk('network', 'rm', 'first');
    await daemon().mark();
    await daemon().dockerOk('run', '-d', '--name', 'upward', 'busybox', 'sleep', '300');
    await daemon().dockerOk('create', '--name', 'unborn', 'busybox');
    await daemon().dockerOk('network', 'create', 'harbour');
    await daemon().dockerOk('volume', 'create', 'hold');
    assert.deepEqual((await offers('rm -f u')).toSorted(), ['unborn', 'upward']);
    assert.deepEqual(await offers('stop u'), ['upward']);
    assert.deepEqual(await offers('container start u'), ['unborn']);
    assert.deepEqual(await offers('exec -it u'), ['upward']);
    assert.deepEqual((await offers('run bus')).toSorted(), ['busybox', 'busybox:latest']);
    assert.deepEqual(await offers('rmi busybox:la'), ['latest']);
    assert.deepEqual(await offers('network rm har'), ['harbour']);
    assert.deepEqual(await offers('network connect harbour up'), ['upward']);
    assert.deepEqual(await offers('run --network har'), ['harbour']);
    assert.deepEqual(await offers('run --network=har'), ['harbour']);
    assert.deepEqual(await offers('volume inspect ho'), ['hold']);
    assert.deepEqual((await offers('inspect h')).toSorted(), ['harbour', 'hold', 'host']);
    assert.deepEqual(await offers('-H unix:///tmp/w-nobody rm u'), []);
    await daemon().dockerOk('network', 'rm', 'harbour');
    await daemon().dockerOk('volume', 'rm', 'hold');
  });

  test('each shell has its script', async () => {
    for (const shell of ['bash', 'zsh', 'fish']) {
      const { stdout, code } = await daemon().wherry('completion', shell);
      assert.equal(code, 0);
      assert.match(stdout, /__complete/);
    }
    const wrong = await daemon().wherry('completion', 'tcsh');
    assert.match(wrong.stderr, /unknown shell "tcsh": must be one of "bash", "zsh" or "fish"/);
  });
});
