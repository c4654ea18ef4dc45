import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { execOk } from '../lib/process.ts';
import { dockerPython } from '../lib/requires.ts';
import { daemonSuite } from '../lib/suite.ts';

const SCRIPT = `
import docker, sys
client = docker.DockerClient(base_url=sys.argv[1], version='auto', timeout=20)
assert client.ping()
assert client.version()['ApiVersion']
assert [i.tags for i in client.images.list()] == [['busybox:latest']]
assert client.containers.run('busybox', ['echo', 'hello'], remove=True) == b'hello\\n'
try:
    client.containers.run('busybox', ['sh', '-c', 'echo bad >&2; exit 3'], remove=True)
    assert False
except docker.errors.ContainerError as error:
    assert error.exit_status == 3 and error.stderr == b'bad\\n', error
c = client.containers.run('busybox', ['sh', '-c', 'echo log; sleep 1000'], detach=True, name='py', labels={'k': 'v'})
c.reload()
assert c.status == 'running' and c.labels == {'k': 'v'}, c.status
code, output = c.exec_run(['sh', '-c', 'echo in; exit 5'])
assert (code, output) == (5, b'in\\n'), (code, output)
code, (out, err) = c.exec_run(['sh', '-c', 'echo o; echo e >&2'], demux=True)
assert (out, err) == (b'o\\n', b'e\\n')
assert [x.name for x in client.containers.list(filters={'label': 'k=v'})] == ['py']
c.stop(timeout=0)
assert c.wait()['StatusCode'] == 137
assert c.logs() == b'log\\n'
c.remove()
try:
    client.containers.get('py')
    assert False
except docker.errors.NotFound:
    pass
print('all good')
`;

const TOUR = fileURLToPath(new URL('../lib/docker-py-tour.py', import.meta.url));
const STORIES = ['networks', 'volumes', 'health', 'cp', 'policies', 'settings', 'streams', 'images'];

daemonSuite(
  'docker-py',
  (daemon) => {
    test('a tour', async () => {
      const python = dockerPython() ?? 'python3';
      assert.equal(
        await execOk([python, '-c', SCRIPT, `unix://${daemon().socket}`], { cwd: '/' }),
        'all good',
      );
    });

    for (const story of STORIES)
      test(story, async () => {
        const argv = [dockerPython() ?? 'python3', TOUR, `unix://${daemon().socket}`, story];
        assert.equal(await execOk(argv, { cwd: '/', timeoutMs: 90_000 }), 'all good');
      });
  },
  { needs: ['docker-py'] },
);
