import { invalidArgument, messageOf } from '../../common/errors.ts';
import { bool } from '../../common/flags/flag.ts';
import { type Call, defineCommand } from '../command.ts';
import { escapeHtml } from '../format/json.ts';
import { listDocument } from '../manifest/document.ts';
import { notListed, readList, readListed, type ListedManifest } from '../manifest/lists.ts';
import { manifestName, type ManifestName } from '../manifest/name.ts';
import { print } from '../output.ts';
import { registryHeaders } from '../registry/credentials.ts';
import { parseName } from '../registry/names.ts';

const flags = {
  insecure: bool('Accepted for compatibility: the daemon knows its insecure registries'),
  verbose: bool('Print the descriptor too', { short: 'v' }),
};

/** Docker's indentation: of lists it is that of the document. */
const TAB = '\t';
const LIST_INDENT = 3;

/** Lists that are only here come first, as in docker; the rest is asked through the daemon, which knows how its registries are reached. */
export const manifestInspect = defineCommand({
  usage: '[OPTIONS] [MANIFEST_LIST] MANIFEST',
  flags,
  arity: [1, 2],
  run: async (call) => {
    const { verbose } = call.flags;
    const [first = '', second] = call.args;
    const name = manifestName(second ?? first);
    if (second !== undefined) {
      const listed = readListed(manifestName(first).text, name.text);
      if (listed === undefined) throw notListed(name.text);
      printJson(verbose ? listed : payloadOf(listed));
      return 0;
    }
    const list = readList(name.text);
    if (list === undefined) await showRemote(call, first);
    else if (verbose) printJson(list);
    else print(`${textOf(name, list)}\n`);
    return 0;
  },
});

const printJson = (value: unknown): void => print(`${escapeHtml(JSON.stringify(value, undefined, TAB))}\n`);

function payloadOf({ Ref, SchemaV2Manifest, OCIManifest }: ListedManifest): object {
  const payload = SchemaV2Manifest ?? OCIManifest;
  if (payload === undefined) throw invalidArgument(`${Ref} has no payload`);
  return payload;
}

/** As a push would send it. */
function textOf(name: ManifestName, list: readonly ListedManifest[]): string {
  try {
    return Buffer.from(listDocument(name, list).bytes).toString();
  } catch (error) {
    throw invalidArgument(`failed to assemble ManifestDescriptor: ${messageOf(error)}`, { cause: error });
  }
}

async function showRemote({ daemon, flags: { verbose } }: Call<typeof flags>, name: string): Promise<void> {
  const headers = await registryHeaders(parseName(name).repository);
  const path = (rest: string): string => `${rest}/${encodeURIComponent(name)}`;
  const answer = await daemon.send({ method: 'GET', path: path('/wherry/manifests'), headers });
  const manifest = JSON.parse(await answer.text()) as object;
  if (!verbose) {
    print(`${JSON.stringify(manifest, undefined, 'manifests' in manifest ? LIST_INDENT : TAB)}\n`);
    return;
  }
  const about = await daemon.send({ method: 'GET', path: `${path('/distribution')}/json`, headers });
  const { Descriptor } = JSON.parse(await about.text()) as { Descriptor: object };
  print(`${JSON.stringify({ Ref: name, Descriptor, Manifest: manifest }, undefined, LIST_INDENT)}\n`);
}
