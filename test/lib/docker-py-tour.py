"""docker-py, unmodified, beyond running containers: what docker-py.test.ts runs, one function a test."""
import io
import sys
import tarfile
import time

import docker
from docker.types import EndpointConfig, Healthcheck, IPAMConfig, IPAMPool, LogConfig, Mount, Ulimit

client = docker.DockerClient(base_url=sys.argv[1], version='auto', timeout=60)
SLEEP = ['sleep', '1000']


def refused(error, call, *args, **kwargs):
    """The explanation with which a call fails."""
    try:
        call(*args, **kwargs)
    except error as reason:
        return reason.explanation if isinstance(reason, docker.errors.APIError) else str(reason)
    raise AssertionError(f'{call} did not fail')


def eventually(what, probe):
    deadline = time.time() + 30
    while not probe():
        assert time.time() < deadline, what
        time.sleep(0.05)


def networks():
    pool = IPAMPool(subnet='10.92.0.0/24', gateway='10.92.0.1')
    net = client.networks.create('reef', ipam=IPAMConfig(pool_configs=[pool]), labels={'l': '1'}, check_duplicate=True)
    assert 'already exists' in refused(docker.errors.APIError, client.networks.create, 'reef')
    one = client.containers.run('busybox', SLEEP, detach=True, network='reef', name='one')
    two = client.containers.run('busybox', SLEEP, detach=True)
    net.connect(two, ipv4_address='10.92.0.22', aliases=['second'])
    net.reload()
    assert {c.id for c in net.containers} == {one.id, two.id}, net.attrs
    two.reload()
    ends = two.attrs['NetworkSettings']['Networks']
    assert ends['reef']['IPAddress'] == '10.92.0.22' and 'second' in ends['reef']['Aliases'], ends
    assert one.exec_run(['ping', '-c1', '-W5', '10.92.0.22']).exit_code == 0
    assert 'active endpoints' in refused(docker.errors.APIError, net.remove)
    net.disconnect(two)
    config = {'reef': EndpointConfig('1.51', aliases=['third'], ipv4_address='10.92.0.33')}
    three = client.containers.create('busybox', SLEEP, network='reef', networking_config=config)
    three.start()
    three.reload()
    assert three.attrs['NetworkSettings']['Networks']['reef']['IPAddress'] == '10.92.0.33'
    for container in (one, two, three):
        container.remove(force=True)
    assert [n.name for n in client.networks.list(filters={'label': 'l=1'})] == ['reef']
    assert client.networks.prune(filters={'label': 'l=1'}) == {'NetworksDeleted': ['reef']}
    assert 'not found' in refused(docker.errors.NotFound, client.networks.get, 'reef')


def volumes():
    volume = client.volumes.create('hold', labels={'l': '1'})
    client.containers.run('busybox', ['sh', '-c', 'echo x > /v/f'], volumes={'hold': {'bind': '/v', 'mode': 'rw'}}, remove=True)
    mounts = [Mount('/v', 'hold', read_only=True), Mount('/t', None, type='tmpfs', tmpfs_size=1 << 20, tmpfs_mode=0o700)]
    script = ['sh', '-c', 'cat /v/f; touch /v/g || stat -c %a /t']
    assert client.containers.run('busybox', script, mounts=mounts, remove=True) == b'x\n700\n'
    user = client.containers.create('busybox', volumes=['hold:/v', '/anonymous'])
    assert 'volume is in use' in refused(docker.errors.APIError, volume.remove)
    user.remove(v=True)
    assert [v.name for v in client.volumes.list()] == ['hold']
    volume.remove()
    assert client.volumes.prune()['VolumesDeleted'] == []


def health():
    check = Healthcheck(test=['CMD', 'test', '-f', '/ok'], interval=100_000_000, timeout=10**10, retries=2)
    container = client.containers.run('busybox', SLEEP, detach=True, healthcheck=check)
    states = []
    events = client.events(decode=True, filters={'container': container.id, 'event': 'health_status'})

    def reload(state):
        container.reload()
        return container.health == state

    eventually('unhealthy', lambda: reload('unhealthy'))
    assert container.exec_run(['touch', '/ok']).exit_code == 0
    eventually('healthy', lambda: reload('healthy'))
    for event in events:
        states.append(event['Action'])
        if states[-1] == 'health_status: healthy':
            break
    events.close()
    assert states in (['health_status: unhealthy', 'health_status: healthy'], ['health_status: healthy']), states
    log = container.attrs['State']['Health']['Log']
    assert log[0]['ExitCode'] == 1 and log[-1]['ExitCode'] == 0, log


def cp():
    container = client.containers.run('busybox', SLEEP, detach=True)
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode='w') as tar:
        entry = tarfile.TarInfo('d/f')
        entry.size, entry.mode, entry.uid = 7, 0o640, 7
        tar.addfile(entry, io.BytesIO(b'content'))
    assert container.put_archive('/tmp', buffer.getvalue())
    assert container.exec_run('stat -c "%a %u" /tmp/d/f').output == b'640 7\n'
    bits, stat = container.get_archive('/tmp/d/f')
    assert stat['name'] == 'f' and stat['size'] == 7, stat
    with tarfile.open(fileobj=io.BytesIO(b''.join(bits))) as tar:
        assert tar.extractfile('f').read() == b'content'
    assert 'Could not find the file /no' in refused(docker.errors.NotFound, container.get_archive, '/no')
    assert {'Path': '/tmp/d/f', 'Kind': 1} in container.diff()
    assert sum(len(chunk) for chunk in container.export()) > 1_000_000


def policies():
    since = int(time.time())
    policy = {'Name': 'on-failure', 'MaximumRetryCount': 2}
    container = client.containers.run('busybox', ['false'], detach=True, restart_policy=policy, name='fails')

    def over():
        container.reload()
        return container.status == 'exited' and container.attrs['RestartCount'] == 2

    eventually('it was tried three times', over)
    events = client.events(decode=True, since=since, until=int(time.time()) + 1, filters={'container': 'fails', 'event': 'die'})
    assert [e['Actor']['Attributes']['exitCode'] for e in events] == ['1', '1', '1']
    container.update(restart_policy={'Name': 'no'}, mem_limit='64m', memswap_limit='64m')
    container.reload()
    host = container.attrs['HostConfig']
    assert host['RestartPolicy'] == {'Name': 'no', 'MaximumRetryCount': 0} and host['Memory'] == 64 << 20, host


def settings():
    container = client.containers.run(
        'busybox', ['sh', '-c', 'echo $X; hostname; ulimit -n; id -u; pwd; cat /proc/sys/net/core/somaxconn; grep far /etc/hosts; sleep 1000'],
        detach=True, environment={'X': 'y'}, hostname='boat', ulimits=[Ulimit(name='nofile', soft=321, hard=400)], user='7',
        working_dir='/tmp', sysctls={'net.core.somaxconn': 77}, extra_hosts={'far': '10.1.2.3'}, init=True, cap_drop=['ALL'],
        read_only=True, tmpfs={'/tmp': 'size=1m'}, shm_size='1m', pids_limit=50, mem_limit='64m', nano_cpus=500_000_000,
        log_config=LogConfig(type='json-file', config={'max-size': '1m'}), ports={'80/tcp': ('127.0.0.1', None), '53/udp': 18053},
        security_opt=['no-new-privileges'], stop_signal='SIGKILL', dns=['10.9.9.9'], group_add=[8], oom_score_adj=100)
    said = b'y\nboat\n321\n7\n/tmp\n77\n10.1.2.3\tfar\n'
    eventually('it said all', lambda: container.logs() == said)
    container.reload()
    assert container.ports['53/udp'][0]['HostPort'] == '18053' and container.ports['80/tcp'][0]['HostIp'] == '127.0.0.1', container.ports
    assert container.stats(stream=False)['pids_stats']['limit'] == 50
    assert next(container.stats(decode=True))['memory_stats']['limit'] == 64 << 20
    assert container.top(ps_args='-o pid,comm')['Titles'] == ['PID', 'COMMAND']
    container.pause()
    container.reload()
    assert container.status == 'paused'
    container.unpause()
    container.rename('renamed')
    container.restart(timeout=0)
    assert container.wait(timeout=30, condition='not-running') if container.status == 'exited' else True
    container.kill('SIGTERM')
    container.remove(force=True)
    assert 'No such container' in refused(docker.errors.NotFound, container.reload)
    assert 'No such image: none:latest' in refused(docker.errors.ImageNotFound, client.api.create_container, 'none')


def streams():
    container = client.containers.create('busybox', ['cat'], stdin_open=True)
    socket = container.attach_socket(params={'stdin': 1, 'stdout': 1, 'stream': 1})
    container.start()
    socket._sock.sendall(b'hello\n')
    assert socket.read(14)[8:] == b'hello\n'
    socket.close()
    heard = container.logs(stream=True, follow=True)
    assert next(heard) == b'hello\n'
    out = container.exec_run(['sh', '-c', 'for i in 1 2 3; do echo $i; done'], stream=True).output
    assert b''.join(out) == b'1\n2\n3\n'
    made = client.api.exec_create(container.id, ['sh'], stdin=True, tty=True)
    terminal = client.api.exec_start(made['Id'], tty=True, socket=True)
    client.api.exec_resize(made['Id'], height=11, width=77)
    terminal._sock.sendall(b'stty size; exit 5\n')
    text = b''
    while chunk := terminal.read(100):
        text += chunk
    assert b'11 77' in text, text
    eventually('its exit is known', lambda: client.api.exec_inspect(made['Id'])['ExitCode'] == 5)
    container.kill()
    assert list(heard) == []


def images():
    image = client.images.get('busybox')
    assert image.tag('boat', 'one') and [i.tags for i in client.images.list('boat')] == [['boat:one', 'busybox:latest']]
    saved = b''.join(client.images.get('boat:one').save(named='boat:one'))
    client.images.remove('boat:one')
    assert client.images.load(saved)[0].id == image.id
    client.images.remove('boat:one')
    container = client.containers.create('busybox')
    made = container.commit('boat', 'two', changes=['ENV A=b'])
    assert 'A=b' in made.attrs['Config']['Env'] and made.history()
    client.images.remove('boat:two')
    assert client.images.prune(filters={'dangling': True})['ImagesDeleted'] is None
    assert client.info()['Containers'] == 1 and client.df()['Images'] and client.version()['ApiVersion'] == '1.51'
    assert client.containers.prune()['ContainersDeleted'] == [container.id]


globals()[sys.argv[2]]()
client.close()
print('all good')
