/** Places of this host that a project’s own files lead to: what of them a cell is shown by nobody’s word. */
import assert from 'node:assert/strict'
import { chmodSync, mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import process from 'node:process'
import { beforeEach, describe, it } from 'node:test'
import { temporaryDirectory } from '../../../test/kit/temporary.ts'
import { hops } from '../../host/programs/places.ts'
import { liesIn } from '../../model/host/host-paths.ts'
import { type CommandInCellOptions, commandInCell } from './command-in-cell.ts'

const HAND = /by hand|a person names|sounds like a secret|holds more than one/

describe('a command that a project names', () => {
  let home = ''
  let project = ''

  function written(path: string, text = '', mode = 0o644): string {
    const place = join(home, path)
    mkdirSync(dirname(place), { recursive: true })
    writeFileSync(place, text, { mode })
    return place
  }

  function linked(path: string, target: string): string {
    mkdirSync(dirname(join(home, path)), { recursive: true })
    symlinkSync(target, join(home, path))
    return join(home, path)
  }

  /** Returns what it shows, each place as it lies below the home, and what is said of the rest. */
  function shown(command: readonly string[], more: CommandInCellOptions & { readonly cwd?: string } = {}) {
    const { cwd = project, ...options } = more
    const result = commandInCell(command, cwd, { path: '/usr/bin:/bin', home, variables: {}, project, ...options })
    if (!result.ok) return { places: [], said: result.reason }
    const { files, workspace, cwd: start, notes } = result.value
    const places = [...files.values(), ...[workspace, start].filter((each) => each !== undefined)]
    const own = places.filter((each) => each !== '${node}').map((each) => relative(home, realpathSync(each)))
    return { places: own.sort(), said: notes.join('; ') }
  }

  beforeEach(() => {
    home = temporaryDirectory()
    project = join(home, 'src/proj')
    written('src/proj/server.js')
    for (const own of [
      '.ssh/deploy_key',
      '.mozilla/firefox/logins.json',
      '.config/chrome/Cookies',
      'Documents/tax.txt',
    ])
      written(own, 'of a person', 0o600)
    written('src/private/lib/plan.js')
    written('src/private/bin/tool', '#!/bin/sh\n', 0o755)
  })

  it('shows no secret in a directory whose name is no UTF-8, and all of a package with such a file', () => {
    written('src/proj/package.json', '{}')
    const latin = Buffer.concat([Buffer.from(join(project, 'caf')), Buffer.from([0xe9])])
    writeFileSync(latin, 'menu')
    assert.deepEqual(shown(['node', 'server.js']).places, ['src/proj'])
    rmSync(latin)
    mkdirSync(latin)
    writeFileSync(Buffer.concat([latin, Buffer.from('/.env')]), 'KEY=1')
    const { places, said } = shown(['node', 'server.js'])
    assert.deepEqual(places, ['src/proj/package.json', 'src/proj/server.js'])
    assert.match(said, /caf\\xe9\/\.env/)
  })

  it('has none of the host’s directories as its workspace, whose owner’s files would be the cell’s', () => {
    written('src/proj/data/a')
    const of = (place: string) => {
      const result = commandInCell(['node', 'server.js', place], project, {
        path: '/usr/bin',
        home,
        variables: {},
        project,
      })
      return result.ok ? [result.value.workspace, result.value.command.at(-1)] : result.reason
    }
    assert.deepEqual(of('/usr/share/doc'), [undefined, '/usr/share/doc'])
    assert.deepEqual(of('./data'), [join(project, 'data'), '/workspace'], 'control')
  })

  it('has no directory of the host in which not everybody may read all', { skip: process.getuid?.() !== 0 }, () => {
    const place = mkdtempSync('/opt/firebreak-test-')
    try {
      chmodSync(place, 0o755)
      mkdirSync(join(place, 'conf'))
      writeFileSync(join(place, 'conf/a'), 'a')
      const files = () => {
        const options = { path: '/usr/bin', home, variables: {}, project }
        const result = commandInCell(['node', 'server.js', `--d=${place}`], project, options)
        return result.ok ? [...result.value.files.values()].includes(place) : result.reason
      }
      assert.equal(files(), true, 'control')
      chmodSync(join(place, 'conf/a'), 0o600)
      assert.match(String(files()), HAND)
    } finally {
      rmSync(place, { recursive: true })
    }
  })

  it('follows a link of a program from where it lies, not from where it is named', () => {
    const script = written('apps/v1/lib/tool.js')
    const own = linked('apps/v1/bin/tool', '../lib/tool.js')
    linked('bin', 'apps/v1/bin')
    assert.deepEqual(hops(join(home, 'bin/tool')), [join(home, 'bin/tool'), script])
    assert.deepEqual(hops(own), [own, script])
  })

  function assertOfProject(command: readonly string[], why: string, more: Parameters<typeof shown>[1] = {}): void {
    const { places, said } = shown(command, more)
    assert.deepEqual(
      places.filter((place) => !liesIn(place, 'src/proj')),
      [],
      why,
    )
    assert.match(said, HAND, why)
  }

  it('has no link of its packages lead out of its repository, and each that stays in it', () => {
    for (const target of ['.mozilla/firefox', '.ssh', 'Documents', 'src/private', '.config'])
      linked(`src/proj/node_modules/${target.replaceAll(/\W/g, '')}`, join(home, target))
    written('src/proj/package.json', '{}')
    assertOfProject(['node', 'server.js'], 'links in node_modules')
    written('src/mono/packages/a/package.json', '{}')
    written('src/mono/packages/a/main.js')
    written('src/mono/packages/b/package.json', '{}')
    mkdirSync(join(home, 'src/mono/.git'))
    linked('src/mono/packages/a/node_modules/b', '../../b')
    const at = { cwd: join(home, 'src/mono/packages/a'), project: join(home, 'src/mono/packages/a') }
    assert.deepEqual(shown(['node', 'main.js'], at).places, ['src/mono/packages/a', 'src/mono/packages/b'])
  })

  it('has node_modules that is a link judged by where that leads', () => {
    linked('src/proj/node_modules', join(home, '.mozilla/firefox'))
    assertOfProject(['node', 'server.js'], 'node_modules is a link')
    written('src/other/node_modules/x/index.js')
    linked('src/proj/lib/node_modules', join(home, 'src/other/node_modules'))
    written('src/proj/lib/main.js')
    assert.ok(shown(['node', 'lib/main.js']).places.includes('src/other/node_modules'))
  })

  it('has no import lead out of it, of a file that is one or not', () => {
    const out = [
      '../../.ssh/deploy_key',
      '../../.config/chrome/Cookies',
      '../private/lib/plan.js',
      '../../Documents/tax.txt',
    ]
    written('src/proj/server.js', out.map((each) => `require('${each}')`).join('\n'))
    assertOfProject(['node', 'server.js'], 'imports')
    linked('src/proj/shop.py', join(home, 'Documents/tax.txt'))
    written('src/proj/s.py', 'import shop\n')
    assertOfProject(['sh', 's.py'], 'an import of Python')
  })

  it('has no path file, editable package or base of an environment lead out of it', () => {
    const site = 'src/proj/.venv/lib/python3.11/site-packages'
    written('src/proj/.venv/pyvenv.cfg', `home = ${join(home, 'src/private/bin')}\n`)
    linked('src/proj/.venv/bin/python', '/usr/bin/env')
    written('src/proj/s.py')
    written(`${site}/x.pth`, ['.mozilla/firefox', '.ssh', 'Documents'].map((each) => join(home, each)).join('\n'))
    written(`${site}/__editable__x.py`, `MAPPING = {'plan': '${join(home, 'src/private')}'}`)
    assertOfProject(['.venv/bin/python', 's.py'], 'an environment')
    written('src/proj/lib/inner/x.py')
    written(`${site}/y.pth`, join(project, 'lib'))
    assert.ok(shown(['.venv/bin/python', 's.py']).places.includes('src/proj/lib'))
  })

  it('is no package by a manifest that lies around it, and shows none that its argument lies in', () => {
    for (const place of ['src', '.node-red', '.claude', '.config']) written(`${place}/package.json`, '{}')
    written('.node-red/.config.runtime.json')
    written('.claude/statusline.js')
    written('.claude/projects/a.jsonl')
    assert.deepEqual(shown(['node', 'server.js']).places, ['src/proj/server.js'])
    const named = [
      '.node-red',
      '.claude/projects',
      '.claude/statusline.js',
      '.config/chrome',
      'Documents',
      'src/private',
    ]
    for (const place of named) {
      assertOfProject(['node', 'server.js', join(home, place)], place)
      assertOfProject(['sh', '-c', `ls '${join(home, place)}'`], `a line with ${place}`)
      assertOfProject(['node', 'server.js', `--dir=${join(home, place)}`], `a flag with ${place}`)
    }
    const start = { cwd: join(home, 'src/private'), startsThere: true }
    assertOfProject(['sh'], 'where it starts', start)
    assert.deepEqual(shown(['sh', 'x', join(home, 'Documents')], { byHand: true }).places, ['Documents'])
  })

  it('is no program of a person’s but what they have as one, alone where it is no installation', () => {
    linked('src/proj/bin/tool', join(home, '.ssh/deploy_key'))
    linked('src/proj/bin/other', join(home, 'src/private/bin/tool'))
    for (const command of ['bin/tool', 'bin/other', join(home, '.ssh/deploy_key'), join(home, 'src/private/bin/tool')])
      assertOfProject([command], command)
    for (const mark of ['VERSION', 'pyvenv.cfg']) written(`src/private/${mark}`)
    assertOfProject([join(home, 'src/private/bin/tool')], 'a prefix by a name')
    const path = `${join(home, 'src/private/bin')}:/usr/bin`
    assert.deepEqual(shown(['tool'], { path }).places, ['src/private/bin/tool'])
    assert.match(shown(['tool'], { path }).said, /no installation .*: .+src\/private$/)
    chmodSync(join(home, 'src/private/bin/tool'), 0o644)
    assertOfProject(['tool'], 'nothing to be started', { path })
  })

  it('shows no secret of its own by a link to the directory around it, nor by a program in it', () => {
    written('src/proj/package.json', '{}')
    written('src/proj/conf/.env')
    written('src/proj/conf/a.json')
    linked('src/proj/again', 'conf')
    linked('src/proj/self', '.')
    linked('src/proj/conf/up', '..')
    written('src/proj/bin/start', '#!/bin/sh\n', 0o755)
    written('src/proj/lib/x.js')
    for (const command of [['node', 'server.js'], ['bin/start']])
      assert.deepEqual(
        shown(command).places,
        ['bin', 'conf/a.json', 'lib', 'package.json', 'server.js'].map((each) => `src/proj/${each}`),
        command.join(' '),
      )
  })

  it('has the installations and packages of a home, as tools make them', () => {
    const versions = {
      '.nvm/versions/node/v22.1.0': 'include/node/node.h',
      '.pyenv/versions/3.12.4': 'lib/python3.12/os.py',
      '.rustup/toolchains/stable-x': 'lib/rustlib/components',
      '.rbenv/versions/3.3.0': 'lib/ruby/gems/x',
      'sdk/1.22': 'VERSION',
    }
    for (const [prefix, mark] of Object.entries(versions)) {
      written(`${prefix}/${mark}`, 'go1.22.1')
      mkdirSync(join(home, prefix, 'lib'), { recursive: true })
      const program = written(`${prefix}/bin/tool`, 'ELF', 0o755)
      assert.deepEqual(shown([program]).places, [prefix], prefix)
    }
    for (const environment of ['.local/share/uv/tools/clock', '.cache/pypoetry/virtualenvs/a-py3', '.virtualenvs/a']) {
      written(`${environment}/pyvenv.cfg`, `home = ${join(home, '.pyenv/versions/3.12.4/bin')}\n`)
      mkdirSync(join(home, environment, 'lib/python3.12/site-packages'), { recursive: true })
      const program = written(`${environment}/bin/clock`, 'ELF', 0o755)
      assert.deepEqual(shown([program]).places, [environment, '.pyenv/versions/3.12.4'].sort(), environment)
    }
    const clock = linked('.local/bin/clock', join(home, '.virtualenvs/a/bin/clock'))
    assert.ok(shown([clock]).places.includes('.virtualenvs/a'))
    for (const program of ['go/bin/tool', '.cargo/bin/tool', 'bin/tool']) {
      written(program, 'ELF', 0o755)
      assert.deepEqual(shown([join(home, program)]), { places: [program], said: '' })
    }
    const script = written('bin/script', "#!/usr/bin/env node\nrequire('../.ssh/deploy_key')", 0o755)
    for (const command of [[script], ['script']])
      assert.deepEqual(shown(command, { path: `${join(home, 'bin')}:/usr/bin` }).places, ['bin/script'])
    written('.npm/_npx/1/node_modules/server/package.json', '{ "bin": "main.js" }')
    written('.npm/_npx/1/node_modules/server/main.js')
    assert.deepEqual(shown(['npx', 'server']).places, ['.npm/_npx/1/node_modules'])
  })

  it('has what lies in a directory of many things that is its project, but no home', () => {
    const work = temporaryDirectory()
    for (const name of ['.aws', 'data', 'lib']) mkdirSync(join(work, name))
    writeFileSync(join(work, 'server.js'), "import './lib/a.js'")
    writeFileSync(join(work, 'lib/a.js'), '')
    const at = { cwd: work, project: work, byHand: false }
    const places = shown(['node', 'server.js', './data'], at).places.map((place) => relative(work, join(home, place)))
    assert.deepEqual(places, ['data', 'lib', 'server.js'])
    assertOfProject(['node', join(home, 'src/private/lib/plan.js')], 'a home is no project', {
      cwd: home,
      project: home,
    })
  })
})
