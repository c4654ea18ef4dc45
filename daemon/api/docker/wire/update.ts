import Type from 'typebox';
import { reader } from './json.ts';
import { RESOURCES } from './resources.ts';
import { RestartPolicyBody } from './restart-policy.ts';

/** Body of `POST /containers/x/update`. Not all of it can be given to a container that is there. */
export const UpdateBody = Type.Object({ ...RESOURCES, RestartPolicy: Type.Optional(RestartPolicyBody) });
export const readUpdateBody = reader(UpdateBody);
