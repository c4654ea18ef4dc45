import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  isDeviceName,
  parseDeviceBytes,
  parseDeviceOperations,
  parseDeviceWeight,
  parseGpus,
} from '../../../cli/container/device-values.ts';

test('limits of devices', () => {
  assert.deepEqual(parseDeviceWeight('/dev/sda:500'), { Path: '/dev/sda', Weight: 500 });
  assert.deepEqual(parseDeviceBytes('/dev/sda:1mb'), { Path: '/dev/sda', Rate: 1_048_576 });
  assert.deepEqual(parseDeviceOperations('/dev/sda:1000'), { Path: '/dev/sda', Rate: 1000 });
  const refused: readonly (readonly [(text: string) => unknown, string, RegExp])[] = [
    [parseDeviceWeight, '/dev/sda', /^bad format: \/dev\/sda$/],
    [parseDeviceWeight, 'sda:5', /^bad format for device path: sda:5$/],
    [parseDeviceWeight, '/dev/sda:5', /^invalid weight for device: \/dev\/sda:5$/],
    [parseDeviceBytes, '/dev/sda:-1', /^invalid rate for device: \/dev\/sda:-1\. .* can be kb, mb, or gb$/],
    [parseDeviceOperations, '/dev/sda:1k', /^invalid rate for device: .* must be a positive integer$/],
  ];
  for (const [parse, text, message] of refused) assert.throws(() => parse(text), { message });
});

test('requests of GPUs', () => {
  const all = { Driver: '', DeviceIDs: null, Capabilities: [['gpu']], Options: {} };
  assert.deepEqual(parseGpus('all'), { ...all, Count: -1 });
  assert.deepEqual(parseGpus('2'), { ...all, Count: 2 });
  assert.deepEqual(parseGpus('"device=0,1"'), { ...all, Count: 0, DeviceIDs: ['0', '1'] });
  assert.deepEqual(parseGpus('driver=nvidia,"capabilities=compute,utility"'), {
    Driver: 'nvidia',
    Count: 1,
    DeviceIDs: null,
    Capabilities: [['compute', 'utility', 'gpu']],
    Options: {},
  });
  assert.throws(() => parseGpus('some'), { message: /^invalid count \(some\)/ });
  assert.throws(() => parseGpus('a=b'), { message: "unexpected key 'a' in 'a=b'" });
  assert.throws(() => parseGpus('1,count=2'), {
    message: "gpu request key 'count' can be specified only once",
  });
});

test('devices by name, and paths', () => {
  for (const name of ['vendor.com/class=name', 'nvidia.com/gpu=0', 'a.b/c=d:e'])
    assert.ok(isDeviceName(name));
  for (const path of ['/dev/null', '/dev/null:/dev/x:rwm', 'vendor.com/class', '=x'])
    assert.ok(!isDeviceName(path), path);
});
