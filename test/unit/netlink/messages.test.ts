import assert from 'node:assert/strict';
import { test } from 'node:test';
import { addAddress } from '../../../native/netlink/address.ts';
import { createBridge, createVethPair, raiseLink, VETH_PID_OFFSET } from '../../../native/netlink/link.ts';
import { interfaceIs, isEstablished, verdict } from '../../../native/netlink/nftables-expressions.ts';
import { addBaseChain, addRule, addTable, batchBegin, batchEnd } from '../../../native/netlink/nftables.ts';
import { addDefaultRoute } from '../../../native/netlink/route.ts';

/**
 * What iproute2 6.1 and nft 1.0.6 sent for the same wish (strace -e write=3), without sequence numbers. Between bars: nested
 * attributes, whose flag iproute2 leaves out.
 */
const cases: readonly { readonly wish: string; readonly ours: Buffer; readonly theirs: string }[] = [
  {
    wish: 'ip link set lo up',
    ours: raiseLink(1),
    theirs: '20000000 10000100 00000000 00000000 00000000 01000000 01000000 01000000',
  },
  {
    wish: 'ip addr add 172.17.0.1/16 brd + dev wherry0',
    ours: addAddress({ linkIndex: 2, address: '172.17.0.1', prefixLength: 16 }),
    theirs: `30000000 14000106 00000000 00000000 02100000 02000000
      08000200 ac110001 08000100 ac110001 08000400 ac11ffff`,
  },
  {
    wish: 'ip route add default via 172.17.0.2',
    ours: addDefaultRoute('172.17.0.2'),
    theirs: '24000000 18000106 00000000 00000000 02000000 fe030001 00000000 08000500 ac110002',
  },
  {
    wish: 'ip link add name wherry0 address 02:42:00:11:22:33 mtu 1500 type bridge',
    ours: createBridge({ name: 'wherry0', macAddress: '02:42:00:11:22:33', mtu: 1500 }),
    theirs: `50000000 10000106 00000000 00000000 00000000 00000000 00000000 00000000
      0a000100 02420011 22330000 08000400 dc050000 0c000300 77686572 72793000
      |1000 1200| 0a000100 62726964 67650000`,
  },
  {
    wish: 'ip link add eth0 index 16 netns 29938 address 02:42:ac:11:00:02 mtu 1500 up type veth peer veth1234567 mtu 1500',
    ours: createVethPair(
      {
        host: 'veth1234567',
        peer: { name: 'eth0', index: 16, macAddress: '02:42:ac:11:00:02' },
        mtu: 1500,
      },
      29_938,
    ),
    theirs: `84000000 10000106 00000000 00000000 00000000 10000000 01000000 01000000
      08001300 f2740000 0a000100 0242ac11 00020000 08000400 dc050000 09000300 65746830 00000000
      |3c00 1200| 08000100 76657468 |3000 0200| 2c000100 00000000 00000000 00000000 00000000
      08000400 dc050000 10000300 76657468 31323334 35363700`,
  },
  {
    wish: 'the frame of an nft batch',
    ours: Buffer.concat([batchBegin(), batchEnd()]),
    theirs: `14000000 10000100 00000000 00000000 0000000a 14000000 11000100 00000000 00000000 0000000a`,
  },
  {
    wish: 'chain forward { type filter hook forward priority filter; policy accept; }',
    ours: addBaseChain({ table: 'wherry', name: 'forward', type: 'filter', hook: 'forward', priority: 0 }),
    theirs: `54000000 030a0104 00000000 00000000 01000000 0b000100 77686572 72790000 0c000300 666f7277 61726400
      0b000700 66696c74 65720000 08000500 00000001 14000480 08000100 00000002 08000200 00000000`,
  },
  {
    wish: 'oifname "wherry0" ct state established,related accept',
    ours: addRule('wherry', 'forward', [
      ...interfaceIs('oifname', '==', 'wherry0'),
      ...isEstablished(),
      ...verdict('accept'),
    ]),
    theirs: `4c010000 060a010c 00000000 00000000 01000000 0b000100 77686572 72790000 0c000200 666f7277 61726400
      20010480 24000180 09000100 6d657461 00000000 14000280 08000200 00000007 08000100 00000001
      38000180 08000100 636d7000 2c000280 08000100 00000001 08000200 00000000 18000380 14000100
      77686572 72793000 00000000 00000000 20000180 07000100 63740000 14000280 08000200 00000000
      08000100 00000001 44000180 0c000100 62697477 69736500 34000280 08000100 00000001 08000200 00000001
      08000300 00000004 0c000480 08000100 06000000 0c000580 08000100 00000000 2c000180 08000100 636d7000
      20000280 08000100 00000001 08000200 00000001 0c000380 08000100 00000000 30000180 0e000100 696d6d65
      64696174 65000000 1c000280 08000100 00000000 10000280 0c000280 08000100 00000001`,
  },
];

for (const { wish, ours, theirs } of cases) {
  test(`the message for: ${wish}`, () => {
    const flagged = theirs.replaceAll(/\|(\w{4}) (\w{2})00\|/g, '$1$280');
    assert.equal(ours.toString('hex'), flagged.replaceAll(/\s/g, ''));
  });
}

test('the process id of a veth message lies where a plan stores it', () => {
  const message = createVethPair(
    { host: 'veth0000001', peer: { name: 'eth0', index: 16, macAddress: '02:42:ac:11:00:02' }, mtu: 1500 },
    0x01020304,
  );
  assert.equal(message.readUInt32LE(VETH_PID_OFFSET), 0x01020304);
});

test('a table is added without complaint when it exists: neither NLM_F_EXCL nor NLM_F_REPLACE', () => {
  assert.equal(addTable('wherry').readUInt16LE(6), 0x401);
});
