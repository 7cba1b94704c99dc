/** What a reader would otherwise have to check by hand: who may import whom, promises and their tests, left-overs. */
import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import { describe, it } from 'node:test'
import { docstringsIn, opensUnnamed } from './house/docstrings.ts'
import { figuresOfSource } from './house/figures.ts'

const ROOT = join(import.meta.dirname, '..')
const read = (file: string) => readFileSync(join(ROOT, file), 'utf8')
const files = (pattern: string) => globSync(pattern, { cwd: ROOT, exclude: (name) => name === 'node_modules' }).sort()

/** Room → rooms that its files may import. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  model: [],
  config: ['model'],
  policy: ['model'],
  ledger: ['model'],
  sentinel: ['model'],
  cells: ['model'],
  recovery: ['model', 'policy', 'ledger'],
  gateway: ['model', 'policy', 'ledger', 'sentinel'],
  host: ['model', 'config', 'policy', 'ledger', 'sentinel', 'gateway', 'cells', 'recovery'],
  rehearsal: ['model', 'config', 'policy', 'ledger', 'sentinel', 'gateway', 'recovery', 'host'],
  control: ['model', 'config', 'policy', 'ledger', 'gateway', 'cells', 'recovery', 'host', 'rehearsal'],
  operator: ['model', 'config', 'ledger', 'cells', 'recovery', 'host', 'control'],
  cli: [
    'model',
    'config',
    'policy',
    'ledger',
    'gateway',
    'cells',
    'recovery',
    'host',
    'rehearsal',
    'control',
    'operator',
  ],
}

/** Loaded by processes of other rooms; they import nothing of their own room, so that nothing comes with them. */
const LENT: readonly string[] = ['cells/descriptors.ts', 'cells/unprivileged.ts']

/** Modules with which a connection can be made, or a name asked for. */
const CONNECTS = /^(?:node:)?(?:net|tls|https?|http2|dns|dns\/promises|dgram)$|^undici(?:\/|$)|^ws$|\/node-http\.ts$/
/** What may be loaded of them where nothing connects. */
const MAY_LOAD: Readonly<Record<string, readonly string[]>> = {
  'node:net': ['isIP', 'Socket', 'createServer', 'createServerascreateListener'],
  'node:http2': ['createSecureServer'],
  'node-http.ts': ['createServer', 'ServerResponse'],
}

/** Makes a socket that could send anywhere, and binds it to a descriptor of a cell's network: that and nothing else. */
const DATAGRAMS = 'src/gateway/web/dns-door.ts createSocket of node:dgram'

/** Percent of docstrings that may open with a pronoun or a question word. */
const UNNAMED_PERCENT_MAX = 3

/** Functions of the source with more than five parameters. It only goes down. */
const WIDE_FUNCTIONS_MAX = 11

/** Files of cells that read what their host wrote, by the platform's own parser: they see no other file of ours. */
const IN_CELLS = ['src/cells/linux/workspace/inside/trees.ts', 'src/rehearsal/drill/script-main.ts']

describe('tidy', () => {
  const figures = figuresOfSource()

  it('a type name that is exported is defined in one file', () => {
    assert.deepEqual(figures.sharedTypeNames, {})
  })

  it('no files import each other in a circle, their types included', () => {
    assert.deepEqual(figures.cycles, [])
  })

  it('a file over 400 lines says at its top why it is long', () => {
    assert.deepEqual(figures.longFiles, [])
  })

  it('no folder has more than 20 files of its own', () => {
    assert.deepEqual(figures.fullFolders, [])
  })

  it('functions with more than five parameters become fewer', () => {
    const { wideFunctions } = figures
    assert.ok(wideFunctions.length <= WIDE_FUNCTIONS_MAX, wideFunctions.join('\n'))
  })

  it('imports follow the order of the rooms', () => {
    const wrong: string[] = []
    for (const file of files('src/**/*.ts').filter((name) => !name.endsWith('.test.ts'))) {
      const room = file.split('/')[1] ?? ''
      for (const target of importsOf(file)) {
        const other = target.split('/')[1] ?? ''
        const lent = LENT.includes(target.slice('src/'.length))
        if (other !== room && !MAY_IMPORT[room]?.includes(other) && !lent) wrong.push(`${file} imports ${target}`)
        if (LENT.includes(file.slice('src/'.length)) && other === room)
          wrong.push(`${file} is lent out and imports ${target}`)
      }
    }
    assert.deepEqual(wrong, [])
  })

  it('one file outside of cells knows a driver, and none knows what is inside of one', () => {
    const known = files('src/**/*.ts').flatMap((file) =>
      file.startsWith('src/cells/') || file.endsWith('.test.ts')
        ? []
        : importsOf(file).flatMap((target) =>
            /^src\/cells\/(?:linux|memory)\//.test(target) ? [`${file} ${target}`] : [],
          ),
    )
    assert.deepEqual(known.toSorted(), [
      'src/host/drivers.ts src/cells/linux/census.ts',
      'src/host/drivers.ts src/cells/linux/driver.ts',
    ])
  })

  it('a log is read through its port: who opens one by its directory, or judges its files, stands here', () => {
    const taken =
      /^src\/ledger\/(?:files\/.+|log\/(?:disk|earlier|ledger|payloads|read|recorded|recover|segments)|seal\/(?:prove|seal-copy|seal-store|seals)|verify\/verify)\.ts$/
    const known = files('src/**/*.ts').flatMap((file) =>
      file.startsWith('src/ledger/') || file.endsWith('.test.ts')
        ? []
        : importsOf(file, 'values').flatMap((target) => (taken.test(target) ? [`${file} ${target}`] : [])),
    )
    assert.deepEqual(known.toSorted(), [
      // A person names the directory of a copy.
      'src/cli/commands/judge/replay.ts src/ledger/files/file-logs.ts',
      'src/cli/commands/look/ledger.ts src/ledger/seal/prove.ts',
      'src/cli/commands/look/ledger.ts src/ledger/verify/verify.ts',
      'src/control/incident.ts src/ledger/verify/verify.ts',
      // Where the store is chosen.
      'src/gateway/main.ts src/ledger/files/writable-log.ts',
      'src/host/state/stores.ts src/ledger/files/file-logs.ts',
    ])
    const ofStores = files('src/**/*.ts').flatMap((file) =>
      file.endsWith('.test.ts')
        ? []
        : importsOf(file, 'values').flatMap((target) =>
            /^src\/host\/(?:stop\/fence|people\/file-mailbox)\.ts$/.test(target) ? [`${file} ${target}`] : [],
          ),
    )
    assert.deepEqual(ofStores, [
      'src/host/state/state.ts src/host/stop/fence.ts',
      'src/host/state/stores.ts src/host/people/file-mailbox.ts',
      'src/host/state/stores.ts src/host/stop/fence.ts',
    ])
    const named = files('src/**/*.ts').filter(
      (file) =>
        !file.endsWith('.test.ts') &&
        !/^src\/(?:ledger|host\/state)\//.test(file) &&
        /(?:join|resolve)\([^)]*'(?:ledger|witness)'/.test(read(file)),
    )
    // The files of a fence are judged by whether anything has run beside them.
    assert.deepEqual(named, ['src/host/stop/fence.ts'])
  })

  it('no file outside of its folder knows the words of MCP', () => {
    // A drill brings a server and an agent of its own, which speak it.
    const speaks = ['src/rehearsal/drill/recorder.ts', 'src/rehearsal/drill/script-main.ts']
    const knows = files('src/**/*.ts').filter(
      (file) =>
        !file.startsWith('src/gateway/protocols/mcp/') &&
        !file.endsWith('.test.ts') &&
        /\b(?:inputSchema|outputSchema|structuredContent|jsonrpc)\b/.test(read(file)),
    )
    assert.deepEqual(knows, speaks)
  })

  it('one room of the gateway connects: nothing else of it loads what could', () => {
    const others = files('src/gateway/**/*.ts').filter(
      (file) => !file.startsWith('src/gateway/origins/') && !file.endsWith('.test.ts'),
    )
    const wrong = others.flatMap((file) => {
      const text = read(file).replaceAll(/^import type [^']*'[^']*'$/gm, '')
      const loaded = [...text.matchAll(/(?:import|export)\s+([^';]*?)\s*from\s*'([^']+)'/g)].flatMap(
        ([, names = '', from = '']) => {
          const may = MAY_LOAD[from.slice(from.lastIndexOf('/') + 1)]
          if (!CONNECTS.test(from)) return []
          const taken = names.replaceAll(/[{}\s]|\btype \w+,?/g, '').split(',')
          return taken.filter((name) => name !== '' && !may?.includes(name)).map((name) => `${file} ${name} of ${from}`)
        },
      )
      const otherwise = [...text.matchAll(/(?:import|require|getBuiltinModule)\s*\(\s*'([^']+)'|^import\s*'([^']+)'/gm)]
      const called = text.match(/\bnew (?:WebSocket|EventSource)\(|(?<![.\w#])fetch\(|\bnew Socket\((?!\{ fd)/g) ?? []
      return [
        ...loaded,
        ...otherwise.flatMap(([, a, b]) => (CONNECTS.test(a ?? b ?? '') ? [`${file} ${a ?? b}`] : [])),
        ...called.map((text) => `${file} ${text}`),
      ]
    })
    assert.deepEqual(wrong, [DATAGRAMS])
    assert.match(read('src/gateway/web/dns-door.ts'), /createSocket\('udp4'\)[\s\S]*\.bind\(\{ fd \}/)
  })

  it('the doors to the web know no upstream, secret or ledger: they could be a process of their own', () => {
    const taken = files('src/gateway/web/*.ts')
      .filter((file) => !file.endsWith('.test.ts'))
      .flatMap((file) => [...read(file).matchAll(/ from '\.\.\/([^/']+)\//g)].map(([, room]) => room))
      .filter((room) => room !== '..')
    assert.deepEqual([...new Set(taken)].sort(), ['fairness', 'origins', 'trust'])
  })

  it('every room is in the table', () => {
    const rooms = new Set(files('src/**/*.ts').map((file) => file.split('/')[1]))
    assert.deepEqual(
      [...rooms].filter((room) => MAY_IMPORT[room ?? ''] === undefined),
      [],
    )
  })

  it('every promise has a test that carries its number, or says that it is pending', () => {
    const titles = files('{src,test,examples}/**/*.test.ts').map(read).join('\n')
    const promises = [...read('SPECIFICATION.md').matchAll(/^- \*\*(S\d+) [^\n]*/gm)]
    assert.equal(promises.length, 17)
    const untested = promises.filter(([line, number = '']) => {
      const tested = new RegExp(`['"\`][^'"\`\\n]*\\b${number}\\b[^'"\`\\n]*:`).test(titles)
      return !tested && !line.includes('[test pending]')
    })
    assert.deepEqual(
      untested.map(([line]) => line),
      [],
    )
  })

  it('S11: one file asks the platform’s parser of JSON, which mistakes keys', () => {
    const others = files('src/**/*.ts').filter(
      (file) => !file.endsWith('.test.ts') && read(file).includes('JSON.parse('),
    )
    assert.deepEqual(others.toSorted(), [...IN_CELLS, 'src/model/text/parse-json.ts'].toSorted())
  })

  it('programs of a cell import nothing that is not beside them', () => {
    const inside = files('src/cells/linux/workspace/inside/*.ts').filter((file) => !file.endsWith('.test.ts'))
    for (const file of [...inside, ...IN_CELLS])
      assert.deepEqual(
        importsOf(file, 'values').filter((target) => dirname(target) !== dirname(file)),
        [],
        file,
      )
  })

  it('no left-over is without a promise number', () => {
    const left = files('{src,bench,test,examples,bin}/**/*.{ts,js}').flatMap((file) =>
      read(file)
        .split('\n')
        .flatMap((line, i) =>
          /\b(?:TODO|FIXME|XXX)\b(?! S\d)/.test(line) && !file.endsWith('tidy.test.ts') ? [`${file}:${i + 1}`] : [],
        ),
    )
    assert.deepEqual(left, [])
  })

  it('no document says a thing twice', () => {
    for (const file of ['LIMITATIONS.md', 'SPECIFICATION.md', 'CHANGELOG.md', 'README.md']) {
      const leads = [...read(file).matchAll(/^- \*\*(.+?)\*\*/gm)].map(([, lead]) => lead)
      assert.deepEqual(
        leads.filter((lead, i) => leads.indexOf(lead) !== i),
        [],
        file,
      )
    }
  })

  it('no file is called after nothing', () => {
    const vague = files('src/**/*.ts').filter((file) =>
      /\b(?:utils?|helpers?|common|manager|misc)\b/.test(file.replaceAll('-', ' ')),
    )
    assert.deepEqual(
      vague.filter((file) => file !== 'src/cells/linux/workspace/helper.ts'),
      [],
    )
  })

  it('docstrings name their subject: few open with a pronoun or a question word', () => {
    const docstrings = files('src/**/*.ts')
      .filter((file) => !file.endsWith('.test.ts'))
      .flatMap((file) => docstringsIn(read(file)))
    const percent = (100 * docstrings.filter(opensUnnamed).length) / docstrings.length
    assert.ok(percent <= UNNAMED_PERCENT_MAX, `${percent.toFixed(1)} % of ${docstrings.length} docstrings`)
  })

  it('no test is left switched off or alone', () => {
    const off = files('{src,test,examples}/**/*.test.ts').filter((file) =>
      /\b(?:it|describe|test)\.(?:only|todo)\(/.test(read(file)),
    )
    assert.deepEqual(off, [])
  })
})

/** Returns the files that a file imports; of `values` those that it loads by it. */
function importsOf(file: string, which: 'all' | 'values' = 'all'): readonly string[] {
  const text = read(file)
  const loading = which === 'all' ? text : text.replaceAll(/^import type [^']*'[^']*'$/gm, '')
  const found = loading.matchAll(/(?:from|import)\s*\(?\s*'(\.{1,2}\/[^']+)'/g)
  return [...found].map((match) => normalize(join(dirname(file), match[1] ?? '')))
}
