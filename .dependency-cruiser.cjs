/**
 * The floors of the house (style.md): imports go down only.
 * common <- native <- image, runtime <- shim <- daemon <- cli; inside the daemon api -> core -> store.
 */
const floors = {
  common: [],
  native: ['common'],
  image: ['common', 'native'],
  runtime: ['common', 'native'],
  shim: ['common', 'native', 'runtime'],
  'daemon/store': ['common', 'native', 'image', 'runtime', 'shim'],
  'daemon/core': ['common', 'native', 'image', 'runtime', 'shim', 'daemon/store'],
  'daemon/api': ['common', 'native', 'image', 'runtime', 'shim', 'daemon/core'],
};

const product = 'common|native|image|runtime|shim|daemon|cli';

const layering = Object.entries(floors).map(([floor, below]) => ({
  name: `${floor.replace('/', '-')}-imports-down-only`,
  comment: `${floor}/ may import ${below.length === 0 ? 'nothing of ours' : below.join(', ')}`,
  severity: 'error',
  from: { path: `^${floor}/` },
  to: { path: `^(${product}|test|scripts)/`, pathNot: `^(${[floor, ...below].join('|')})/` },
}));

module.exports = {
  forbidden: [
    ...layering,
    {
      name: 'no-circular',
      comment: 'A cycle has no lower floor',
      severity: 'error',
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    {
      name: 'cli-knows-wire-types-only',
      comment:
        'The command line reaches the daemon through its socket; it shares the wire types, those of the shim too, and nothing else',
      severity: 'error',
      from: { path: '^cli/', pathNot: '^cli/(wctr|manifest)/' },
      to: {
        path: `^(${product}|test|scripts)/`,
        pathNot:
          '^(common/|cli/|daemon/api/docker/wire/|daemon/api/containerd/gen/|shim/(contract|exit-file|frames)\\.ts$)',
      },
    },
    {
      name: 'manifest-lists-know-registries',
      comment: 'Lists belong to the client, as in docker: it reads and pushes them without the daemon',
      severity: 'error',
      from: { path: '^cli/manifest/' },
      to: { path: `^(${product}|test|scripts)/`, pathNot: '^(common/|image/|cli/)' },
    },
    {
      name: 'wctr-goes-below-the-daemon',
      comment:
        'The debug client makes specs, FIFOs and mounts, speaks to registries and shims; of the daemon it knows the wire types alone',
      severity: 'error',
      from: { path: '^cli/wctr/' },
      to: {
        path: `^(${product}|test|scripts)/`,
        pathNot: '^(common/|native/|image/|runtime/|shim/|cli/|daemon/api/containerd/gen/)',
      },
    },
    {
      name: 'wire-types-are-alone',
      comment: 'What the command line shares may not pull the daemon in',
      severity: 'error',
      from: { path: '^daemon/api/docker/wire/' },
      to: { path: `^(${product})/`, pathNot: '^(common/|daemon/api/docker/wire/)' },
    },
    {
      name: 'only-main-wires',
      comment: 'daemon/main is the one place that knows every part; nobody imports it',
      severity: 'error',
      from: { path: `^(${product}|test)/` },
      to: { path: '^(daemon|cli)/main\\.ts$' },
    },
    {
      name: 'koffi-behind-one-door',
      comment: 'native/ffi is the only place where a wrong prototype can crash the process',
      severity: 'error',
      from: { path: `^(${product}|test)/`, pathNot: '^native/ffi/' },
      to: { path: 'node_modules/koffi' },
    },
    {
      name: 'product-has-no-dev-dependencies',
      severity: 'error',
      from: { path: `^(${product})/` },
      to: { dependencyTypes: ['npm-dev', 'npm-no-pkg', 'npm-unknown'], dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'nothing-unresolved',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true },
    },
    {
      name: 'product-knows-no-tests',
      severity: 'error',
      from: { path: `^(${product})/` },
      to: { path: '^(test|scripts)/' },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'types', 'default'],
    },
    builtInModules: { add: ['ffi', 'node:sqlite', 'node:test'] },
  },
};
