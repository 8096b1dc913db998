/**
 * The rooms of docs/ARCHITECTURE.md: what each may import. A room is entered only through its index.ts (jobs also through client.ts and
 * browser.ts, worker also through engine-packages.ts).
 */
const allowed = {
  contract: [],
  proof: [],
  jobs: ['contract', 'proof'],
  narration: ['contract'],
  daemon: ['contract', 'proof'],
  keeper: ['contract', 'jobs', 'daemon'],
  machines: ['contract', 'jobs', 'narration', 'daemon'],
  apis: ['contract', 'jobs', 'narration'],
  queen: ['contract', 'jobs', 'narration', 'daemon', 'machines', 'apis'],
  hive: ['contract', 'jobs', 'narration', 'daemon'],
  worker: ['contract', 'jobs', 'narration', 'daemon'],
};

/** Names and places of the engines' packages: any room but those below the roles may look them up. */
const ENGINE_PACKAGES = '^src/worker/engine-packages\\.ts$';
const looksUpEngines = ['keeper', 'machines', 'hive'];

const mayImport = Object.entries(allowed).map(([room, others]) => ({
  name: `${room}-may-import`,
  comment: `${room}/ may import only: ${others.join(', ') || 'no other room'}`,
  severity: 'error',
  // Tests may use the fixtures of other rooms.
  from: { path: `^src/${room}/`, pathNot: '\\.test\\.ts$' },
  to: {
    path: '^src/',
    pathNot: [`^src/(${[room, ...others].join('|')})/`, ...(looksUpEngines.includes(room) ? [ENGINE_PACKAGES] : [])],
  },
}));

/** src/entry/ runs before a room is loaded, and needs the folders of the home. */
const otherDoors = { jobs: ['client', 'browser'], daemon: ['roots'], worker: ['engine-packages'] };

const throughTheDoor = Object.keys(allowed).map((room) => ({
  name: `${room}-through-its-door`,
  comment: `enter ${room}/ through its index.ts`,
  severity: 'error',
  // Tests and their fixtures look inside; some benchmarks measure an inner part alone, or play the other side of a protocol.
  from: { pathNot: [`^src/${room}/`, '\\.test\\.ts$', '/fixtures/', '^test/', '^bench/(placement|scale|engine)/'] },
  to: { path: `^src/${room}/`, pathNot: `^src/${room}/(${['index', ...(otherDoors[room] ?? [])].join('|')})\\.ts$` },
}));

module.exports = {
  forbidden: [
    ...mayImport,
    ...throughTheDoor,
    {
      name: 'keeper-without-server',
      comment: 'the command line starts fast: it takes only the client half of jobs/',
      severity: 'error',
      from: { path: '^src/keeper/', pathNot: '\\.test\\.ts$' },
      to: { path: '^src/jobs/', pathNot: '^src/jobs/client\\.ts$' },
    },
    {
      name: 'contract-runs-in-a-browser',
      comment: 'contract/ needs zod only',
      severity: 'error',
      from: { path: '^src/contract/', pathNot: '\\.test\\.ts$' },
      to: { dependencyTypes: ['core', 'npm', 'npm-dev'], pathNot: 'node_modules/zod' },
    },
    {
      name: 'jobs-browser-without-node',
      comment: 'src/jobs/browser.ts runs in a web page: no module of Node, and of jobs/ only client/',
      severity: 'error',
      from: { path: '^src/jobs/browser\\.ts$' },
      to: {
        reachable: true,
        path: '^(node:|(async_hooks|buffer|crypto|events|fs|http|https|module|net|os|path|process|stream|timers|url|util|v8)(/|$)|src/(proof|daemon|narration)/|src/jobs/(log|catalog|feed|server|registry)/)',
      },
    },
    {
      name: 'engine-packages-without-engine',
      comment: 'src/worker/engine-packages.ts loads no engine: commands start with it',
      severity: 'error',
      from: { path: ENGINE_PACKAGES },
      to: {
        reachable: true,
        path: 'node_modules/node-llama-cpp/|^src/(jobs|narration)/|^src/worker/(index|infer|engines/index)\\.ts$',
      },
    },
    { name: 'no-circles', severity: 'error', from: {}, to: { circular: true } },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'node', 'default'] },
  },
};
