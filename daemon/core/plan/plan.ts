import type { Ctx } from '../../../common/ctx.ts';
import { codeOf } from '../../../common/errors.ts';
import { newId } from '../../../common/ids.ts';
import type { Image } from '../../../image/images.ts';
import { checkRequest, settle } from '../containers/settle.ts';
import type { Container, CreateRequest } from '../contract.ts';
import type { Core } from '../core.ts';
import type { ContainerPlan } from './contract.ts';
import { planMounts } from './mounts.ts';
import { planStart } from './start.ts';

/**
 * Containers.plan: create as far as its row, and start as far as the shim, by their own steps. Throws what create would throw. With
 * `pulls` a missing image is no refusal.
 */
export async function planContainer(
  core: Core,
  ctx: Ctx,
  { request: asked, pulls }: { readonly request: CreateRequest; readonly pulls: boolean },
): Promise<ContainerPlan<Container>> {
  const { request, warnings } = await checkRequest(core, asked);
  const found = findImage(core, request, pulls);
  const settled =
    found === undefined
      ? settle(core, { request: withoutNames(request), image: unknownImage(request), id: newId() })
      : settle(core, { request, image: found, id: newId() });
  const lower = found === undefined ? [] : layersOf(core, found.id);
  const view = { ...settled.view, overlay: { lower, upper: '', work: '' } };
  const mounts = await planMounts(core, ctx, { view, volumes: settled.volumes });
  return {
    view,
    isNameGenerated: (request.name ?? '') === '',
    isImageThere: found !== undefined,
    warnings: [...warnings, ...settled.warnings],
    mounts,
    start: await planStart(core, view, mounts),
  };
}

function findImage(core: Core, { image }: CreateRequest, pulls: boolean): Image | undefined {
  try {
    return core.images.get(image);
  } catch (error) {
    if (pulls && codeOf(error) === 'not-found') return undefined;
    throw error;
  }
}

/** Stands for one that nobody has seen: it may say what runs, but not who. */
const unknownImage = ({ entrypoint, cmd }: CreateRequest): Pick<Image, 'id' | 'config'> => ({
  id: '' as Image['id'],
  config: (entrypoint ?? []).length + (cmd ?? []).length === 0 ? { Cmd: [''] } : {},
});

/** Users and groups by name are looked up in the image. */
function withoutNames(request: CreateRequest): CreateRequest {
  const isNumber = (name: string): boolean => /^\d+(:\d+)?$/.test(name);
  const { user, host } = request;
  return {
    ...request,
    user: isNumber(user) ? user : '',
    host: { ...host, groupAdd: host.groupAdd.filter(isNumber) },
  };
}

/** Topmost first, as an overlay takes them. */
const layersOf = (core: Core, imageId: string): string[] =>
  core.disk
    .layers(imageId)
    .map(({ directory }) => directory)
    .toReversed();
