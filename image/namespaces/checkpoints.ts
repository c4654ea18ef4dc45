import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { codeOf, messageOf } from '../../common/errors.ts';
import { CHECKPOINT, CHECKPOINT_CONFIG } from '../checkpoint-types.ts';
import type { ContentStore } from '../content.ts';
import { sha256, type Digest } from '../digest.ts';
import type { WorkerPool } from '../workers/pool.ts';
import type { Checkpoints, NamedContent } from './contract.ts';
import { malformed } from './errors.ts';

export interface CheckpointParts {
  readonly content: NamedContent;
  readonly store: ContentStore;
  readonly workers: WorkerPool;
}

export function makeCheckpoints({ content, store, workers }: CheckpointParts): Checkpoints {
  return {
    save: async (ctx, scope, { directory, config }) => {
      await using incoming = await store.ingest();
      const [archive, configFile] = ['archive', 'config'].map((name) => join(incoming.directory, name)) as [
        string,
        string,
      ];
      const from = { upper: directory, lowers: [] };
      const packed = await workers.run(ctx, { kind: 'pack', file: archive, from, plain: true });
      await writeFile(configFile, config, { mode: 0o600 });
      await workers.run(ctx, { kind: 'sync', path: incoming.directory });
      const digest = packed.digest as Digest;
      const configDigest = sha256(config);
      await content.adopt(ctx, scope, { file: archive, digest, labels: {} });
      await content.adopt(ctx, scope, { file: configFile, digest: configDigest, labels: {} });
      return [
        { mediaType: CHECKPOINT, digest, size: packed.sizeBytes, annotations: {} },
        { mediaType: CHECKPOINT_CONFIG, digest: configDigest, size: config.byteLength, annotations: {} },
      ];
    },
    unpack: async (ctx, namespace, { digest, target }) => {
      await using blob = await content.open(ctx, namespace, digest);
      try {
        // Of a plain tar both digests are the same.
        await workers.run(ctx, { kind: 'unpack', blob: blob.path, target, diffId: digest, flat: true });
      } catch (error) {
        if (codeOf(error) !== 'invalid-argument') throw error;
        throw malformed(`checkpoint ${digest}: ${messageOf(error)}`);
      }
    },
  };
}
