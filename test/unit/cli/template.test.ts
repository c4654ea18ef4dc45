import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { documentRenderer } from '../../../cli/format/documents.ts';
import { renderListing } from '../../../cli/format/listing.ts';
import { compileTemplate } from '../../../cli/format/template/template.ts';

const value = {
  Name: '/web',
  Id: 'abc',
  State: { Running: true, Pid: 42 },
  Args: ['a', 'b'],
  Labels: { 'com.x': '1', b: '2' },
  Empty: [],
  HostConfig: { NanoCpus: 5 },
  Nothing: null,
  Label: (name: unknown) => `<${String(name)}>`,
};

suite('formats that Go renders the same', () => {
  const table: readonly [string, string][] = [
    ['plain', 'plain'],
    ['{{.Name}}', '/web'],
    ['{{ .State.Pid }}', '42'],
    ['{{.State.Running}} {{.Nothing}}', 'true <nil>'],
    ['{{.Args}} {{.Labels}}', '[a b] map[b:2 com.x:1]'],
    ['{{json .Args}} {{json .State}}', '["a","b"] {"Running":true,"Pid":42}'],
    ['{{join .Args ","}} {{upper .Id}} {{title "ab cd"}} {{split "a-b" "-"}}', 'a,b ABC Ab Cd [a b]'],
    ['{{range .Args}}[{{.}}]{{end}}', '[a][b]'],
    ['{{range $i, $a := .Args}}{{$i}}={{$a}};{{end}}', '0=a;1=b;'],
    ['{{range $k, $v := .Labels}}{{$k}}={{$v}} {{end}}', 'b=2 com.x=1 '],
    ['{{range .Empty}}x{{else}}none{{end}}', 'none'],
    ['{{if .State.Running}}up{{else}}down{{end}}', 'up'],
    ['{{if .Empty}}a{{else if eq .Id "abc"}}b{{else}}c{{end}}', 'b'],
    ['{{with .State}}{{.Pid}}{{$.Id}}{{end}}', '42abc'],
    ['{{index .Labels "com.x"}}{{index .Labels "nope"}}|{{index .Args 1}}', '1|b'],
    ['{{.Labels.b}} {{len .Args}} {{len .Name}}', '2 2 4'],
    [
      '{{printf "%-6s|%5d|%05.1f|%q|%v%%" .Id .State.Pid 2.25 .Name true}}',
      'abc   |   42|002.3|"/web"|true%',
    ],
    ['{{.Id | upper | printf "%s-%s" "x"}}', 'x-ABC'],
    ['{{$x := .Id}}{{$x}}{{$x = "y"}}{{$x}}', 'abcy'],
    ['{{if true}}{{$x := 1}}{{end}}ok', 'ok'],
    ['a {{- .Id -}} b', 'aabcb'],
    ['{{/* note */}}x', 'x'],
    ['{{and .Id "z"}} {{or .Empty "z"}} {{not .Empty}} {{and .Empty (index .Args 9)}}', 'z z true []'],
    ['{{eq .State.Pid 1 42}} {{ne .Id "x"}} {{lt 1 2}} {{ge 1 2}}', 'true true true false'],
    ['{{(index .Args 0) | upper}}', 'A'],
    ['{{"a\\tb"}}{{`raw\\t`}}', 'a\tbraw\\t'],
    ['{{println "x" 1}}', 'x 1\n'],
    ['{{.Label "k"}}', '<k>'],
    ['{{truncate "abcdef" 3}}{{pad "x" 1 2}}|', 'abc x  |'],
    ['{{.ID}} {{.HostConfig.NanoCPUs}}', 'abc 5'],
  ];
  for (const [source, expected] of table) {
    test(source, () => assert.equal(compileTemplate(source)({ value }), expected));
  }
});

suite('mistakes, with the place where Go sees them', () => {
  const table: readonly [string, string][] = [
    ['{{.Foo', 'template: :1: unclosed action'],
    ['{{foo}}', 'template: :1: function "foo" not defined'],
    ['{{if .Id}}x', 'template: :1: unexpected EOF'],
    ['x{{end}}', 'template: :1: unexpected {{end}}'],
    ['{{.Foo}}', `template: :1:2: executing "" at <.Foo>: can't evaluate field Foo`],
    ['\n ab{{ .State.Foo }}', `template: :2:6: executing "" at <.State.Foo>: can't evaluate field Foo`],
    ['{{.Id.Foo}}', `template: :1:2: executing "" at <.Id.Foo>: can't evaluate field Foo in type string`],
    ['{{.Nothing.Foo}}', `template: :1:2: executing "" at <.Nothing.Foo>: nil pointer evaluating .Foo`],
    ['{{index .Args 9}}', 'template: :1:2: executing "" at <index>: index out of range: 9'],
    ['{{.constructor}}', `template: :1:2: executing "" at <.constructor>: can't evaluate field constructor`],
  ];
  for (const [source, message] of table) {
    test(source, () => assert.throws(() => compileTemplate(source)({ value }), { message }));
  }
});

suite('objects of the API', () => {
  const container = { State: { Running: true }, Config: { Labels: {} } };
  const render = (source: string) => documentRenderer(source, 'template parsing error: ')(container);

  test('a field that the daemon leaves out when empty is nil', () => {
    assert.equal(render('{{if .State.Health}}x{{else}}none{{end}}'), 'none');
  });
  test("a key of the user's that is missing has no value", () => {
    assert.equal(render('{{.Config.Labels.nope}}'), '<no value>');
  });
  test('any other missing field is a mistake', () => {
    assert.throws(() => render('{{.Config.Nope}}'), {
      message:
        'template parsing error: template: :1:2: executing "" at <.Config.Nope>: map has no entry for key "Nope"',
    });
  });
});

suite('lists', () => {
  const headers = { ID: 'CONTAINER ID', Names: 'NAMES' };
  const rows = [
    { ID: '1', Names: 'a-long-name-indeed' },
    { ID: '22', Names: 'b' },
  ];
  const table: readonly [string, string][] = [
    [
      'table {{.Names}}\t{{.ID}}',
      'NAMES                CONTAINER ID\na-long-name-indeed   1\nb                    22\n',
    ],
    [
      'table {{.ID}}\\t{{upper .Names}}',
      'CONTAINER ID   NAMES\n1              A-LONG-NAME-INDEED\n22             B\n',
    ],
    ['{{.ID}}:{{.Names}}', '1:a-long-name-indeed\n22:b\n'],
    ['json', '{"ID":"1","Names":"a-long-name-indeed"}\n{"ID":"22","Names":"b"}\n'],
  ];
  for (const [format, expected] of table) {
    test(format, () => assert.equal(renderListing({ format, headers, rows }), expected));
  }

  test('an unknown field is told without rows too', () => {
    assert.throws(() => renderListing({ format: '{{.Foo}}', headers, rows: [] }), /can't evaluate field Foo/);
  });
});
