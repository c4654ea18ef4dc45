import type { Mount } from '../../../runtime/spec.ts';

/** `type=bind,src=/tmp,dst=/host,options=rbind:ro`, in CSV: a field may stand in quotes. Throws for a word that nobody knows. */
export function readMount(text: string): Mount {
  const mount: Mount = { destination: '' };
  for (const field of csv(text)) {
    const cut = field.indexOf('=');
    const [name, value] = cut < 0 ? [field, undefined] : [field.slice(0, cut), field.slice(cut + 1)];
    if (value === undefined) throw new Error(`invalid mount specification: expected key=val`);
    switch (name) {
      case 'type':
        mount.type = value;
        break;
      case 'source':
      case 'src':
        mount.source = value;
        break;
      case 'destination':
      case 'dst':
        mount.destination = value;
        break;
      case 'options':
        mount.options = value.split(':');
        break;
      default:
        throw new Error(`mount option "${name}" not supported`);
    }
  }
  return mount;
}

const csv = (text: string): string[] =>
  [...text.matchAll(/"((?:[^"]|"")*)"(?:,|$)|([^,]*)(?:,|$)/g)]
    .filter(({ 0: whole }) => whole !== '')
    .map(([, quoted, plain]) => quoted?.replaceAll('""', '"') ?? plain ?? '');
