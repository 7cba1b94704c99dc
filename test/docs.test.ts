/** README.md and the pages of docs say what is there: configurations load, commands and options exist, links lead somewhere. */
import assert from 'node:assert/strict'
import { existsSync, globSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import process from 'node:process'
import { describe, it } from 'node:test'
import { parse, stringify } from 'yaml'
import { loadConfig } from '../src/config/load.ts'
import { configShape } from '../src/config/schema.ts'
import { judgeConfig } from '../src/host/prepare/setup.ts'
import { isJsonObject, type Json, type JsonObject } from '../src/model/json.ts'
import { firebreak, repository } from './kit/command-line.ts'
import { temporaryDirectory } from './kit/temporary.ts'

const read = (file: string) => readFileSync(join(repository, file), 'utf8')

/** Pages that a person follows. CHANGELOG.md is history: what it names may have gone. */
const PAGES = globSync(['*.md', 'docs/**/*.md', 'examples/**/*.md', 'test/**/*.md'], { cwd: repository })
  .filter((file) => file !== 'CHANGELOG.md')
  .sort()

interface Block {
  /** `yaml`: a whole configuration; `yaml part`: what is laid over the first whole one of docs/configuration.md. */
  readonly language: string
  readonly text: string
  readonly page: string
}

function blocksOf(page: string): readonly Block[] {
  return [...read(page).matchAll(/^```([^\n]*)\n([\s\S]*?)^```$/gm)].map(([, language = '', text = '']) => ({
    language,
    text,
    page,
  }))
}

/** Loads and judges a configuration, with the files beside it that the pages speak of. */
async function judged(text: string, what: string): Promise<{ readonly upstreams: number }> {
  const directory = temporaryDirectory()
  for (const name of ['work', 'policies', 'node_modules']) mkdirSync(join(directory, name))
  writeFileSync(join(directory, 'desk.py'), '')
  writeFileSync(
    join(directory, 'policies/never.cedar'),
    'forbid (principal, action in Action::"irreversible", resource);',
  )
  writeFileSync(join(directory, 'firebreak.yaml'), text)
  const loaded = await loadConfig(join(directory, 'firebreak.yaml'), { node: process.execPath })
  assert.ok(loaded.ok, `${what}: ${JSON.stringify(loaded)}`)
  const fit = await judgeConfig(loaded.value)
  assert.ok(fit.ok, `${what}: ${JSON.stringify(fit)}`)
  return { upstreams: loaded.value.upstreams.size }
}

/** Returns `base` with what `part` says laid over it, key by key; lists and scalars of `part` replace those of `base`. */
function laidOver(base: Json | undefined, part: Json): Json {
  if (!isJsonObject(base) || !isJsonObject(part)) return part
  return { ...base, ...Object.fromEntries(Object.entries(part).map(([key, each]) => [key, laidOver(base[key], each)])) }
}

/** Returns one YAML text as plain data. Aliases and tags are no part of a configuration. */
const plain = (text: string): Json => JSON.parse(JSON.stringify(parse(text)))

describe('configurations in the pages', () => {
  const blocks = PAGES.flatMap(blocksOf).filter(({ language }) => language.startsWith('yaml'))
  const whole = blocks.filter(({ language }) => language === 'yaml')
  const parts = blocks.filter(({ language }) => language === 'yaml part')

  it('are marked as whole or as a part', () => {
    assert.ok(whole.length >= 2)
    assert.ok(parts.length >= 3)
    assert.equal(whole.length + parts.length, blocks.length)
  })

  it('load, each whole one as it stands', async () => {
    for (const { page, text } of whole) {
      const { upstreams } = await judged(text, page)
      assert.equal(upstreams, countOf(plain(text), 'upstreams'))
    }
  })

  it('load, each part over the configuration of docs/configuration.md', async () => {
    const base = whole.find(({ page }) => page === 'docs/configuration.md')
    assert.ok(base !== undefined)
    for (const { page, text } of parts) await judged(stringify(laidOver(plain(base.text), plain(text))), page)
  })

  it('every key at the top has its line in docs/configuration.md', () => {
    const { properties } = configShape.schema
    assert.ok(isJsonObject(properties))
    const page = read('docs/configuration.md')
    const without = Object.keys(properties).filter((key) => !page.includes(`\n| \`${key}\` |`))
    assert.deepEqual(without, [])
  })
})

describe('commands in the pages', () => {
  const helps = new Map<string, Awaited<ReturnType<typeof firebreak>>>()
  async function helpOf(name: string) {
    const help = helps.get(name) ?? (await firebreak([name, '--help']))
    helps.set(name, help)
    return help
  }

  it('names commands and options that there are', async () => {
    const followed = PAGES.filter((page) => page !== 'LIMITATIONS.md') // it names what is not there yet
    const lines = followed.flatMap((page) =>
      [...read(page).matchAll(/(?:^|`)firebreak ([a-z]+)([^`\n]*)/gm)].map(([line, name = '', rest = '']) => ({
        line: `${page}: ${line}`,
        name,
        rest,
      })),
    )
    assert.ok(lines.length > 40)
    for (const { line, name, rest } of lines) {
      const { code, stdout } = await helpOf(name)
      assert.equal(code, 0, line)
      assert.match(stdout, /^example:\n {2}firebreak [\s\S]*^exit codes: .*0 ok, 1 failed/m, line)
      const own = rest.split(' -- ')[0]?.split('#')[0] ?? ''
      for (const [option] of own.matchAll(/--[a-z][a-z-]*/g))
        assert.ok(stdout.includes(`${option} `), `${line}: ${option}`)
    }
  })

  it('npm runs each script that is named', () => {
    const { scripts } = JSON.parse(read('package.json')) as { readonly scripts: JsonObject }
    const named = PAGES.flatMap((page) => [...read(page).matchAll(/\bnpm run (?:-s )?([a-z:]+)/g)])
    assert.ok(named.length > 5)
    const missing = named.filter(([, name = '']) => !Object.hasOwn(scripts, name)).map(([line]) => line)
    assert.deepEqual(missing, [])
  })
})

describe('links in the pages', () => {
  it('lead to a file or a page’s heading that is there', () => {
    const links = PAGES.flatMap((page) =>
      [...prose(page).matchAll(/\]\(([^)\s]+)\)/g)].map(([, link = '']) => ({ page, link })),
    ).filter(({ link }) => !/^[a-z]+:/.test(link))
    assert.ok(links.length > 40)
    const dead = links.filter(({ page, link }) => {
      const [path = '', heading] = link.split('#')
      const target = path === '' ? page : join(dirname(page), path)
      if (!existsSync(join(repository, target))) return true
      return heading !== undefined && !headingsOf(target).includes(heading)
    })
    assert.deepEqual(dead, [])
  })

  it('every page of docs is reached from README.md', () => {
    const reached = new Set(['README.md'])
    for (const page of reached)
      for (const [, link = ''] of prose(page).matchAll(/\]\(([^)#\s]+)[^)]*\)/g)) {
        const target = join(dirname(page), link)
        if (PAGES.includes(target)) reached.add(target)
      }
    assert.deepEqual(
      PAGES.filter((page) => page.startsWith('docs/') && !reached.has(page)),
      [],
    )
  })
})

describe('files that the pages name', () => {
  it('are there', () => {
    const named = PAGES.flatMap((page) =>
      [...read(page).matchAll(/`((?:src|test|bench|examples|docs|bin|\.ci)\/[\w./-]+)`/g)].map(([, path = '']) => ({
        page,
        path,
      })),
    )
    assert.ok(named.length > 100)
    assert.deepEqual(
      named.filter(({ path }) => !existsSync(join(repository, path))),
      [],
    )
  })
})

describe('docs/adr', () => {
  const records = globSync('docs/adr/[0-9]*.md', { cwd: repository }).sort()

  it('has records without gaps, each with its date and its status', () => {
    assert.deepEqual(
      records.map((file) => Number(file.slice('docs/adr/'.length).split('-')[0])),
      records.map((_, i) => i + 1),
    )
    const undated = records.filter(
      (file) => !/^# \d+\. .+\n\n\d{4}-\d\d-\d\d, (?:proposed|accepted|superseded by .+)[.;]/.test(read(file)),
    )
    assert.deepEqual(undated, [])
  })

  it('lists each in its index, as it says itself', () => {
    const rows = records.map((file) => {
      const [title = '', , said = ''] = read(file).split('\n')
      const [, number = '', name = ''] = /^# (\d+)\. (.+)$/.exec(title) ?? []
      const [, date = '', status = ''] = /^(\S+), ([^.;]+)/.exec(said) ?? []
      return `| [${number.padStart(4, '0')}](${file.slice('docs/adr/'.length)}) ${name} | ${date} | ${status} |`
    })
    const index = read('docs/adr/README.md').split('\n')
    assert.deepEqual(
      index.filter((line) => line.startsWith('| [')),
      rows,
    )
  })
})

/** Words with one meaning each. What of them ARCHITECTURE.md or SPECIFICATION.md uses has its line in the dictionary. */
const WORDS =
  'action agent budget cell census check checkpoint confirmation control decision delegation destination detector door driver drill effect egress entry environment fence fold gate gateway grant hold host intent label ledger line order origin outcome owner payload profile protocol provenance reach receipt relay reservation rung seal signal tenant tree undo upstream warden witness workspace'

describe('docs/dictionary.md', () => {
  const rows = [...read('docs/dictionary.md').matchAll(/^\| ([a-z]+) \| (.+) \|$/gm)].filter(
    ([, word]) => word !== 'word',
  )
  const defined = rows.map(([, word = '']) => word)

  it('says each word once, in one line', () => {
    assert.ok(defined.length > 60)
    assert.deepEqual(
      defined.filter((word, i) => defined.indexOf(word) !== i),
      [],
    )
  })

  it('has words that the code has', () => {
    const code = globSync('src/**/*.ts', { cwd: repository }).map(read).join('\n')
    assert.deepEqual(
      defined.filter(
        (word) =>
          !new RegExp(`(?<![A-Za-z])${word}(?![a-z])|[a-z]${word[0]?.toUpperCase()}${word.slice(1)}(?![a-z])`).test(
            code,
          ),
      ),
      [],
    )
  })

  it('has the words of ARCHITECTURE.md and SPECIFICATION.md', () => {
    const used = `${read('ARCHITECTURE.md')}\n${read('SPECIFICATION.md')}`
    assert.deepEqual(
      WORDS.split(' ').filter((word) => new RegExp(`\\b${word}s?\\b`).test(used) && !defined.includes(word)),
      [],
    )
  })

  it('has every word of the table in SPECIFICATION.md', () => {
    const section = read('SPECIFICATION.md').split('\n## Words\n')[1] ?? ''
    const words = [...section.matchAll(/^\| ([a-z, ]+) \|/gm)].flatMap(([, each = '']) => each.split(', '))
    assert.ok(words.length > 15)
    assert.deepEqual(
      words.filter((word) => word !== 'word' && !defined.includes(word)),
      [],
    )
  })
})

describe('README.md', () => {
  it('is read in a few minutes', () => {
    const lines = read('README.md').trimEnd().split('\n')
    assert.ok(lines.length < 150, `${lines.length} lines`)
  })

  it('has ten figures, each as docs/benchmarks.md has it', () => {
    const section = read('README.md').split('\n## Ten figures\n')[1]?.split('\n## ')[0] ?? ''
    const rows = section.split('\n').filter((line) => line.startsWith('| '))
    assert.equal(rows.length, 1 + 10)
    const benchmarks = read('docs/benchmarks.md')
    const lost = rows.slice(1).flatMap((row) => {
      const [, , measured = ''] = row.split(' | ').map((cell) => cell.replaceAll('|', '').trim())
      const parts = (row.split(' | ')[1] ?? measured).split(/; | \/ /).map((part) => part.trim())
      return parts.filter((part) => !benchmarks.includes(part))
    })
    assert.deepEqual(lost, [])
  })
})

function countOf(config: Json, key: string): number {
  const found = isJsonObject(config) ? config[key] : undefined
  return isJsonObject(found) ? Object.keys(found).length : 0
}

/** Returns a page without its fenced blocks and inline code. */
function prose(page: string): string {
  return read(page)
    .replace(/^```[\s\S]*?^```$/gm, '')
    .replace(/`[^`\n]*`/g, '')
}

/** Returns a page's headings as links name them. */
function headingsOf(page: string): readonly string[] {
  const lines = read(page).replace(/^```[\s\S]*?^```$/gm, '')
  return [...lines.matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  )
}
