import { isFieldSet, type DescField, type DescMessage, type Message } from '@bufbuild/protobuf';
import type { Any, Timestamp } from '@bufbuild/protobuf/wkt';
import { byName } from './table.ts';
import { nanoseconds } from './times.ts';

/** JSON.rawJSON: in Node, and not yet in TypeScript's library. */
const { rawJSON: rawJson } = JSON as unknown as { readonly rawJSON: (text: string) => unknown };

/** A message as Go's encoder prints containerd's structs: names of the .proto, nothing that is zero, numbers whole. */
export function goMessage(schema: DescMessage, message: Message): Record<string, unknown> {
  const shown: Record<string, unknown> = {};
  for (const field of schema.fields) {
    if (!isFieldSet(message, field)) continue;
    const value = (message as unknown as Record<string, unknown>)[field.localName];
    shown[field.name] = shownField(field, value);
  }
  return shown;
}

function shownField(field: DescField, value: unknown): unknown {
  if (field.fieldKind === 'list') return (value as unknown[]).map((each) => shownValue(field.message, each));
  if (field.fieldKind === 'map') {
    const entries = byName(value as Record<string, unknown>);
    return Object.fromEntries(entries.map(([name, each]) => [name, shownValue(field.message, each)]));
  }
  return shownValue(field.message, value);
}

function shownValue(schema: DescMessage | undefined, value: unknown): unknown {
  if (typeof value === 'bigint') return rawJson(String(value));
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64');
  if (schema === undefined) return value;
  if (schema.typeName === 'google.protobuf.Timestamp') return nanoseconds(value as Timestamp);
  if (schema.typeName === 'google.protobuf.Any') {
    const { typeUrl, value: bytes } = value as Any;
    return {
      type_url: typeUrl,
      ...(bytes.length === 0 ? {} : { value: Buffer.from(bytes).toString('base64') }),
    };
  }
  return goMessage(schema, value as Message);
}
