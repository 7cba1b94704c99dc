import { readFileSync, writeFileSync } from 'node:fs'

const edit = (file, ...pairs) => {
  let t = readFileSync(file, 'utf8')
  for (const [a, b] of pairs) {
    if (!t.includes(a)) throw new Error(`${file}: no ${a}`)
    t = t.replaceAll(a, b)
  }
  writeFileSync(file, t)
}
edit('src/cells/linux/launch/compile-cache.ts', [
  "'..', '..', 'node_modules'",
  "'..', '..', '..', '..', 'node_modules'",
])
for (const f of ['src/host/prepare/cell-spec.ts', 'src/host/prepare/code.ts'])
  edit(f, [
    "const ROOT = join(import.meta.dirname, '..', '..')",
    "const ROOT = join(import.meta.dirname, '..', '..', '..')",
  ])
edit('src/host/prepare/parsed.ts', ["= join(import.meta.dirname, '..')", "= join(import.meta.dirname, '..', '..')"])
edit('src/host/prepare/parsed.test.ts', [
  "const SOURCE = join(import.meta.dirname, '..')",
  "const SOURCE = join(import.meta.dirname, '..', '..')",
])
edit(
  'src/cli/warm.ts',
  ["'ledger/witness-main.ts'", "'ledger/seal/witness-main.ts'"],
  ["'cells/pump-main.ts'", "'cells/linux/streams/pump-main.ts'"],
  ["'cells/listener-main.ts'", "'cells/linux/streams/listener-main.ts'"],
)
edit('test/policy/differential/planted-bugs.test.ts', [
  "const POLICY = join(import.meta.dirname, '..')",
  "const POLICY = join(import.meta.dirname, '..', '..', '..', 'src', 'policy')",
])
edit(
  'SECURITY.md',
  ['src/policy/*.test.ts', 'src/policy/**/*.test.ts'],
  ['src/ledger/*.test.ts', 'src/ledger/**/*.test.ts'],
)
edit('docs/adr/0008-schemas-are-interpreted.md', ['src/gateway/schema-*.ts', 'src/gateway/content/schema-*.ts'])
edit('src/host/prepare/parsed.ts', [
  `    readdirSync(join(source, room))
      .filter((name) => /\\.[jt]s$/.test(name) && !/\\.(?:test|long)\\./.test(name))`,
  `    readdirSync(join(source, room), { recursive: true, encoding: 'utf8' })
      .filter((name) => /\\.[jt]s$/.test(name) && !/\\.test\\./.test(name))`,
])
edit(
  'test/mutation/core.ts',
  ['].map((name) => `src/policy/${name}.ts`),', '].map((name) => only(`src/policy/*/${name}.ts`)),'],
  [
    "...['holds', 'withdrawn'].map((name) => `src/gateway/${name}.ts`),",
    "...['holds', 'withdrawn'].map((name) => `src/gateway/pipeline/${name}.ts`),",
  ],
  ['export const CORE: readonly string[] = [', `export const CORE: readonly string[] = [`],
)
{
  const f = 'test/mutation/core.ts'
  let t = readFileSync(f, 'utf8')
  t = t.replace(
    /\n\]\n\n\/\*\* Parsed by/,
    `\n]

/** Returns the one file that a pattern means; no file, or several, is an error in the list above. */
function only(pattern: string): string {
  const [file, ...others] = globSync(pattern, { cwd: ROOT })
  if (file === undefined || others.length > 0) throw new Error(\`\${pattern} does not mean one file\`)
  return file
}

/** Parsed by`,
  )
  writeFileSync(f, t)
}
edit('test/tidy.test.ts', [
  "  control: ['model', 'config', 'policy', 'ledger', 'sentinel', 'gateway', 'cells', 'recovery'],\n  cli: ['model', 'config', 'policy', 'ledger', 'gateway', 'cells', 'recovery', 'control'],",
  `  host: ['model', 'config', 'policy', 'ledger', 'sentinel', 'gateway', 'cells', 'recovery'],
  rehearsal: ['model', 'config', 'policy', 'ledger', 'sentinel', 'gateway', 'recovery', 'host'],
  control: ['model', 'config', 'policy', 'ledger', 'gateway', 'cells', 'recovery', 'host', 'rehearsal'],
  cli: ['model', 'config', 'policy', 'ledger', 'gateway', 'cells', 'recovery', 'host', 'rehearsal', 'control'],`,
])
edit('src/cli/warm.test.ts', [
  '/^(control\\/drill|cells\\/workspace\\/inside)\\//',
  '/^(rehearsal\\/drill|cells\\/linux\\/workspace\\/inside)\\//',
])
edit(
  'src/host/prepare/parsed.test.ts',
  [
    "'policy/parse.ts'), join(copy, 'policy/parser.ts')",
    "'policy/cedar/parse.ts'), join(copy, 'policy/cedar/parser.ts')",
  ],
  [
    "join(copy, 'policy/parser.ts'), join(copy, 'later/parser.ts')",
    "join(copy, 'policy/cedar/parser.ts'), join(copy, 'later/parser.ts')",
  ],
  ["join(SOURCE, 'policy', file)", "join(SOURCE, 'policy', 'cedar', file)"],
)
edit('test/mutation/mutants.test.ts', [
  "['src/gateway/protocols/relay/way-out.test.ts', 'src/gateway/pipeline/withdrawn.test.ts']",
  "['src/gateway/pipeline/withdrawn.test.ts', 'src/gateway/protocols/relay/way-out.test.ts']",
])
edit(
  'test/policy/differential/planted-bugs.test.ts',
  ["'src', 'policy')", "'src', 'policy', 'cedar')"],
  [
    "const importers = importersOf(globSync('**/*.ts', { cwd: POLICY }).map((name) => join(POLICY, name)))",
    "const importers = importersOf([join(CEDAR, '..'), import.meta.dirname].flatMap(filesIn))",
  ],
  [
    '/** Returns, by the URL of each of these files, those that load it. */',
    "function filesIn(folder: string): readonly string[] {\n  return globSync('**/*.ts', { cwd: folder }).map((name) => join(folder, name))\n}\n\n/** Returns, by the URL of each of these files, those that load it. */",
  ],
  ['POLICY', 'CEDAR'],
)

{
  const f = 'ARCHITECTURE.md'
  const t = readFileSync(f, 'utf8')
  const [start, end] = [t.indexOf('```\nsrc/\n'), t.indexOf('`model ← config, policy')]
  writeFileSync(f, t.slice(0, start) + readFileSync(new URL('./rooms.txt', import.meta.url), 'utf8') + t.slice(end))
}
edit(
  'ARCHITECTURE.md',
  ...[
    ['gateway, cells, recovery ← control ← cli`', 'gateway, cells, recovery ← host ← rehearsal ← control ← cli`'],
    ['driven by `src/control`', 'driven by `src/host`'],
    ['every protocol goes through `gateway/pipeline.ts`', 'every protocol goes through `gateway/pipeline/pipeline.ts`'],
    ['`protocols/mcp/endpoint.ts`, `strict-json.ts`', '`protocols/mcp/endpoint.ts`, `content/strict-json.ts`'],
    ['| `normalise.ts` `normalise` |', '| `pipeline/normalise.ts` `normalise` |'],
    ['| `schema.ts` |', '| `content/schema.ts` |'],
    [
      '`normalise.ts` `judgeAction`, `policy/decide.ts` `admit`',
      '`pipeline/normalise.ts` `judgeAction`, `policy/decide/decide.ts` `admit`',
    ],
    ['| `pipeline.ts` `recordIntent`', '| `pipeline/pipeline.ts` `recordIntent`'],
    ['| `http-upstream.ts`, `stdio-upstream.ts` |', '| `protocols/mcp/http-upstream.ts`, `stdio-upstream.ts` |'],
    ['| `pipeline.ts` `judgeAnswer`', '| `pipeline/pipeline.ts` `judgeAnswer`'],
    ['| `pipeline.ts` `recordOutcome`', '| `pipeline/pipeline.ts` `recordOutcome`'],
  ],
)
