import Type from 'typebox';
import { reader } from './json.ts';

const optional = Type.Optional;
const stringMap = Type.Record(Type.String(), Type.String());

/** Body of `POST /volumes/create`. */
export const VolumeBody = Type.Object({
  Name: optional(Type.String()),
  Driver: optional(Type.String()),
  DriverOpts: optional(stringMap),
  Labels: optional(stringMap),
  ClusterVolumeSpec: optional(Type.Unknown()),
});

export const readVolumeBody = reader(VolumeBody);
