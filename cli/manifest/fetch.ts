import { invalidArgument, notFound } from '../../common/errors.ts';
import { sha256 } from '../../image/digest.ts';
import { asObject, parseJson, type JsonObject } from '../../image/json.ts';
import { OCI_MANIFEST, parseDocument } from '../../image/manifest.ts';
import type { Descriptor } from '../../image/registry/contract.ts';
import { RegistryFailure } from '../../image/registry/failures.ts';
import { platformOf } from './document.ts';
import type { ListedManifest } from './lists.ts';
import type { ManifestName } from './name.ts';
import { openRemote, type Remote } from './registry.ts';

const MAX_CONFIG_BYTES = 8 << 20;

/** What the registry has under that name, which must be an image's manifest; its platform is that of its configuration. */
export async function fetchManifest(name: ManifestName, insecure: boolean): Promise<ListedManifest> {
  using remote = await openRemote(name, { access: 'pull', insecure });
  const { ctx, repository } = remote;
  const manifest = await repository.manifest(ctx, name.reference).catch((error: unknown) => {
    throw pullFailure(name, error);
  });
  const { mediaType, digest, size } = manifest.descriptor;
  if (name.digest !== undefined && name.digest !== digest)
    throw invalidArgument(`manifest verification failed for digest ${name.digest}`);
  const document = parseDocument(manifest);
  if (document.kind === 'index') throw invalidArgument(`${name.text} is a manifest list`);
  const platform = platformOf(await readConfig(remote, document.config));
  const bytes = Buffer.from(manifest.bytes);
  const parsed = asObject(parseJson(bytes.toString(), 'manifest'), 'manifest');
  return {
    Ref: name.text,
    Descriptor: { mediaType, digest, size, platform },
    Raw: bytes.toString('base64'),
    ...(mediaType === OCI_MANIFEST ? { OCIManifest: parsed } : { SchemaV2Manifest: parsed }),
  };
}

async function readConfig({ ctx, repository }: Remote, config: Descriptor): Promise<JsonObject> {
  if (config.size > MAX_CONFIG_BYTES)
    throw invalidArgument(`the image config ${config.digest} has more than ${MAX_CONFIG_BYTES} bytes`);
  const chunks: Uint8Array[] = [];
  for await (const chunk of repository.blob(ctx, config, 0)) chunks.push(chunk);
  const bytes = Buffer.concat(chunks);
  if (sha256(bytes) !== config.digest)
    throw invalidArgument(`image config verification failed for digest ${config.digest}`);
  return asObject(parseJson(bytes.toString(), 'image config'), 'image config');
}

const MISSING: ReadonlySet<string> = new Set(['UNAUTHORIZED', 'MANIFEST_UNKNOWN', 'NAME_UNKNOWN']);

/** Docker's words: what only others may see is not there. */
function pullFailure(name: ManifestName, error: unknown): unknown {
  const failure = error instanceof Error && error.cause instanceof RegistryFailure ? error.cause : error;
  if (!(failure instanceof RegistryFailure)) return failure;
  const isMissing = MISSING.has(failure.reason) || (failure.reason === '' && failure.status === 404);
  return isMissing ? notFound(`no such manifest: ${name.text}`) : failure;
}
