import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { before, describe, it } from 'node:test'
import { temporaryDirectory } from '../../../test/kit/temporary.ts'
import { type CommandInCell, type CommandInCellOptions, commandInCell } from './command-in-cell.ts'

const home = temporaryDirectory()
const own = join(home, 'tools')
const person = join(home, 'ana')

/** The first lines of a program in Python: the kernel splits one at a space, so that installers write another then. */
function firstLine(python: string): string {
  return python.includes(' ') ? spacedLine(python) : `#!${python}\n`
}

function spacedLine(python: string): string {
  return `#!/bin/sh\n'''exec' "${python}" "$0" "$@"\n' '''\n`
}

function written(path: string, text = '', mode = 0o644): string {
  const place = join(home, path)
  mkdirSync(dirname(place), { recursive: true })
  writeFileSync(place, text, { mode })
  return place
}

function asked(command: readonly string[], cwd = home, more: CommandInCellOptions = {}) {
  return commandInCell(command, cwd, { path: `${own}:/usr/bin`, home: person, variables: {}, byHand: true, ...more })
}

function contained(command: readonly string[], cwd = home, more: CommandInCellOptions = {}): CommandInCell {
  const result = asked(command, cwd, more)
  assert.ok(result.ok, result.ok ? '' : result.reason)
  return result.value
}

/** Places of the host that a cell would see, those of a Node apart. */
function shown({ files }: CommandInCell): readonly string[] {
  return [...files.values()].filter((path) => path !== '${node}').sort()
}

function reason(command: readonly string[], cwd = home, more: CommandInCellOptions = {}): string {
  const result = asked(command, cwd, more)
  return result.ok ? `contained: ${result.value.command.join(' ')}` : result.reason
}

describe('a command of this host in a cell', () => {
  before(() => {
    written('node_modules/@acme/server/package.json', JSON.stringify({ bin: { acme: 'dist/main.js' } }))
    written('node_modules/@acme/server/dist/main.js')
    for (const directory of ['data', 'more/sh']) mkdirSync(join(home, directory), { recursive: true })
    symlinkSync('loop', join(home, 'loop'))
    written('tools/helper', '#!/bin/sh\n', 0o755)
    written('tools/acme', '#!/usr/bin/env node\n', 0o755)
  })

  it('has the first directory among its arguments as its workspace, others read-only', () => {
    const { command, files, workspace } = contained(['sh', '-c', './data', 'more/'])
    assert.equal(workspace, join(home, 'data'))
    assert.deepEqual(command, ['sh', '-c', '/workspace', join(home, 'more')])
    assert.deepEqual([...files.keys()], [join(home, 'more')])
  })

  it('has a program that is not of /usr shown to it, alone, and its PATH has it', () => {
    const { command, files, env } = contained(['helper', 'data'])
    assert.deepEqual(command, [join(own, 'helper'), 'data'], 'a plain word stays a word')
    assert.deepEqual([...files], [[join(own, 'helper'), join(own, 'helper')]])
    assert.equal(env.get('PATH'), `${own}:/usr/local/bin:/usr/bin:/bin`)
  })

  it('has a Node where its script asks for one', () => {
    const { command, files } = contained(['acme'])
    assert.match(command[0] ?? '', /(?:^|\/)node$/)
    assert.equal(command[1], join(own, 'acme'))
    assert.ok(files.has(join(own, 'acme')))
  })

  it('is what npx would have fetched, where that is installed, in each of its spellings', () => {
    const main = join(home, 'node_modules/@acme/server/dist/main.js')
    const spellings = [
      ['npx', '-y', '@acme/server@1.2.3', './data'],
      ['npx', '--yes', '--package=@acme/server', 'acme', './data'],
      ['npx', '-p', '@acme/server@latest', '--', 'acme', './data'],
      ['npm', 'exec', '@acme/server', './data'],
      ['pnpm', 'dlx', '@acme/server', './data'],
      ['bunx', '@acme/server', './data'],
      ['cmd', '/c', 'npx', '-y', '@acme/server', './data'],
      ['env', 'A=b', 'npx', '@acme/server', './data'],
    ]
    for (const each of spellings) {
      const { command, files } = contained(each)
      assert.deepEqual(command.slice(1), [main, '/workspace'], each.join(' '))
      assert.ok(files.has(join(home, 'node_modules')))
    }
    assert.equal(contained(['env', 'A=b', 'helper']).env.get('A'), 'b')
  })

  it('is looked for where a PATH can be read, and past what cannot', () => {
    const path = `${join(home, 'loop')}:${join(home, 'more')}:/usr/bin`
    assert.deepEqual(contained(['sh'], home, { path }).command, ['sh'])
  })

  it('is refused with what to do where it is fetched at each start, or not there', () => {
    assert.match(reason(['npx', '-y', 'other-server']), /no network: npm install other-server/)
    assert.match(reason(['uvx', '--from', 'git+https://a/b', 'thing']), /no network: uv tool install git\+https/)
    assert.match(reason(['pipx', 'run', 'thing']), /pipx install thing/)
    assert.match(reason(['uv', 'run', 'server.py']), /uv sync --directory/)
    assert.match(reason(['uv', 'run', '--with', 'x', 'server.py']), /uv run --with fetches/)
    assert.match(reason(['docker', 'run', '-i', 'ghcr.io/x']), /outside of every cell: export its file system/)
    assert.match(reason(['deno', 'run', '-A', 'npm:thing']), /deno fetches npm:thing/)
    assert.match(reason(['no-such-program']), /there is no program "no-such-program"/)
  })
})

describe('a script in a cell', () => {
  it('sees its package, with its packages, and none of its secrets', () => {
    const root = dirname(written('app/package.json', '{}'))
    for (const file of ['dist/index.js', 'dist/lib/name.js', 'config/live.json', 'node_modules/x/.env'])
      written(`app/${file}`)
    for (const secret of ['.env', '.env.local', '.npmrc', '.git/config', 'config/server.key', 'secrets/token'])
      written(`app/${secret}`)
    const all = contained(['node', 'dist/index.js', '--port', '1'], root)
    assert.deepEqual(all.command.slice(1), [join(root, 'dist/index.js'), '--port', '1'])
    const parts = ['config/live.json', 'dist', 'node_modules', 'package.json'].map((part) => join(root, part))
    assert.deepEqual(
      shown(all).filter((path) => path.startsWith(root)),
      parts,
    )
    assert.match(all.notes.join(), /not shown, since it sounds like a secret: .*\.env/)
    assert.deepEqual(
      shown(contained(['node', 'dist/index.js'], root, { kept: [join(root, 'config')] })).slice(-3),
      parts.slice(1),
    )
  })

  it('sees the whole of a package that has none, and where a workspace’s links lead', () => {
    const root = dirname(written('clean/package.json', '{}'))
    written('clean/index.js')
    assert.ok(shown(contained(['node', join(root, 'index.js')])).includes(root))
    written('mono/packages/server/package.json', '{}')
    written('mono/packages/server/main.js')
    written('mono/packages/shared/package.json', '{}')
    for (const name of ['.git', 'node_modules']) mkdirSync(join(home, 'mono', name), { recursive: true })
    symlinkSync('../packages/shared', join(home, 'mono/node_modules/shared'))
    const places = shown(contained(['node', join(home, 'mono/packages/server/main.js')]))
    for (const part of ['packages/server', 'packages/shared', 'node_modules'])
      assert.ok(places.includes(join(home, 'mono', part)), part)
  })

  it('sees what it imports and names where no manifest says what belongs to it, and nothing else', () => {
    written('loose/server.mjs', "import './lib/a.mjs'\nreadFile(join(import.meta.dirname, 'page.html'))")
    written('loose/lib/a.mjs', "export * from '../b.mjs'")
    written('loose/b.mjs', "await import('./c.mjs')")
    for (const file of ['c.mjs', 'page.html', 'diary.txt', 'other/x.mjs']) written(`loose/${file}`)
    const parts = ['b.mjs', 'c.mjs', 'lib', 'page.html', 'server.mjs'].map((part) => join(home, 'loose', part))
    const places = shown(contained(['node', join(home, 'loose/server.mjs')]))
    assert.deepEqual(
      places.filter((path) => path.startsWith(join(home, 'loose'))),
      parts,
    )
    written('py/server.py', 'import json, sys\nimport shoplib\nfrom pack import x\n')
    for (const file of ['shoplib.py', 'pack/__init__.py', 'pack/x.py', 'diary.py']) written(`py/${file}`)
    const python = shown(contained(['sh', join(home, 'py/server.py')]))
    assert.deepEqual(
      python,
      ['pack', 'server.py', 'shoplib.py'].map((part) => join(home, 'py', part)),
    )
  })

  it('sees what a line for a shell names, and starts where Node looks for what it loads first', () => {
    const root = dirname(written('line/package.json', '{}'))
    written('line/server.js')
    const line = contained(['sh', '-c', `cd '${root}' && exec node server.js --key='${join(person, '.ssh/id_rsa')}'`])
    assert.deepEqual(shown(line), [root])
    const spaced = dirname(written('my line/package.json', '{}'))
    for (const said of [`'${spaced}'`, `"${spaced}"`, spaced.replaceAll(' ', '\\ '), `'${dirname(spaced)}/my'" line"`])
      assert.deepEqual(shown(contained(['sh', '-c', `cd ${said} && exec node server.js`])), [spaced], said)
    assert.deepEqual(shown(contained(['sh', '-c', `bash -c "cd '${spaced}'; ls"`])), [spaced])
    assert.equal(contained(['node', '--import', 'tsx', 'server.js'], root).cwd, root)
    assert.equal(contained(['node', '--import', './tsx.js', 'server.js'], root).cwd, undefined)
  })

  it('is shown no home, whatever lies in it', () => {
    for (const file of ['package.json', 'agent.mjs', '.ssh/id_rsa', 'notes.txt']) written(`ana/${file}`, '{}')
    const agent = contained(['node', join(person, 'agent.mjs')])
    assert.deepEqual(
      shown(agent).filter((path) => path.startsWith(person)),
      [join(person, 'agent.mjs'), join(person, 'package.json')],
    )
    assert.match(reason(['sh', person]), /holds more than one program should see: name a directory in it/)
    assert.match(reason(['sh', '/']), /holds more than one program/)
    assert.match(reason(['sh', join(person, '.ssh/id_rsa')]), /sounds like a secret: give it as a secret/)
  })

  it('is shown nothing that lies where secrets do, and programs beside settings', () => {
    for (const file of [
      '.ssh/deploy_key',
      'app/secrets/x/data.txt',
      '.config/gh/hosts.yml',
      '.claude/tools/server.js',
      'token/a.txt',
    ])
      written(`ana/${file}`)
    const secret = /sounds like a secret: give it as a secret/
    symlinkSync(join(person, '.ssh'), join(person, 'keys'))
    for (const place of [
      '.ssh',
      'keys',
      '.ssh/deploy_key',
      'app/secrets',
      'app/secrets/x',
      '.config',
      '.config/gh',
      '.claude',
    ]) {
      assert.match(reason(['sh', 'x', join(person, place)]), secret, place)
      assert.match(reason(['sh', 'x', `--dir=${join(person, place)}`]), secret, place)
      const line = contained(['sh', '-c', `ls ${join(person, place)}`])
      assert.deepEqual(
        shown(line).filter((path) => path.startsWith(person)),
        [],
        place,
      )
    }
    const owned = [
      '.mozilla/firefox/key',
      '.local/share/keyrings/a',
      '.ssh.bak/deploy',
      '.m2/settings.xml',
      '.claude.json',
    ]
    for (const file of owned) {
      written(`ana/${file}`)
      for (const place of [file, dirname(file)].filter((each) => each !== '.'))
        assert.match(reason(['sh', 'x', join(person, place)]), secret, place)
    }
    written('srv/backup/first', '-----BEGIN OPENSSH PRIVATE KEY-----\n')
    assert.match(reason(['sh', 'x', join(home, 'srv/backup')]), secret)
    assert.match(reason(['sh', 'x', join(home, 'srv/backup/first')]), secret)
    assert.match(reason(['sh', 'x', '/etc/shadow']), secret)
    const there = { project: join(person, 'app'), startsThere: true }
    assert.deepEqual(shown(contained(['sh', 'x'], join(person, '.mozilla/firefox'), there)), [])
    written('ana/.local/share/server/package.json', '{}')
    written('ana/app/.data/a')
    for (const place of ['.local/share/server', 'app/.data'])
      assert.ok(
        commandInCell(['sh', 'x', join(person, place)], join(person, 'app'), { home: person, byHand: true }).ok,
        place,
      )
    assert.match(reason(['sh', '/var/lib']), /holds more than one program/)
    const program = contained(['node', join(person, '.claude/tools/server.js')])
    assert.ok(shown(program).some((path) => path.endsWith('.claude/tools/server.js')))
    assert.equal(contained(['sh', 'x', join(person, 'token')]).workspace, join(person, 'token'))
    assert.equal(contained(['sh'], join(person, '.ssh'), { startsThere: true }).cwd, undefined)
  })

  it('is not shown what a link in its package leads to outside of it', () => {
    const root = dirname(written('linked/package.json', '{}'))
    written('linked/main.js')
    written('linked/.env')
    symlinkSync(join(person, '.ssh'), join(root, 'keys'))
    symlinkSync('.env', join(root, 'settings'))
    symlinkSync('main.js', join(root, 'again.js'))
    const { files } = contained(['node', join(root, 'main.js')])
    assert.deepEqual(
      [...files].filter(([place]) => place.startsWith(root)),
      [
        ['again.js', 'main.js'],
        ['main.js', 'main.js'],
        ['package.json', 'package.json'],
      ].map((pair) => pair.map((part) => join(root, part))),
      'a link is written as what it led to when it was judged',
    )
  })
})

describe('a program with an interpreter in a cell', () => {
  before(() => {
    written('pythons/3.12.4/bin/python3.12', 'ELF', 0o755)
    written('pythons/3.12.4/lib/python3.12/os.py')
    symlinkSync('3.12.4', join(home, 'pythons/3.12'))
    for (const at of ['proj/.venv', 'ana/.local/share/uv/tools/clock']) {
      written(`${at}/pyvenv.cfg`, `home = ${join(home, 'pythons/3.12/bin')}\n`)
      mkdirSync(join(home, at, 'bin'), { recursive: true })
      symlinkSync(join(home, 'pythons/3.12/bin/python3.12'), join(home, at, 'bin/python'))
    }
    written('proj/pyproject.toml')
    written('proj/server.py', 'import helper\n')
    written('proj/helper.py')
    const clock = 'ana/.local/share/uv/tools/clock/bin'
    written(`${clock}/clock`, firstLine(join(home, clock, 'python')), 0o755)
    mkdirSync(join(person, '.local/bin'), { recursive: true })
    symlinkSync(join(home, clock, 'clock'), join(person, '.local/bin/clock'))
  })

  it('of a virtual environment has that, and the Python that it was made from, by the name that it has for it', () => {
    const { command, files } = contained(['.venv/bin/python', 'server.py'], join(home, 'proj'))
    assert.deepEqual(
      command,
      ['.venv/bin/python', 'server.py'].map((part) => join(home, 'proj', part)),
    )
    assert.equal(files.get(join(home, 'pythons/3.12')), join(home, 'pythons/3.12.4'))
    assert.ok([...files.keys()].some((place) => join(home, 'proj/.venv').startsWith(place)))
    for (const run of [
      ['uv', 'run', 'server.py'],
      ['uv', '--directory', join(home, 'proj'), 'run', 'python', 'server.py'],
      ['poetry', 'run', 'python', 'server.py'],
    ]) {
      const cwd = run.includes('--directory') ? home : join(home, 'proj')
      assert.equal(contained(run, cwd).command[0], join(home, 'proj/.venv/bin/python'), run.join(' '))
      assert.equal(contained(run, cwd).cwd, join(home, 'proj'))
    }
  })

  it('that its first line names has it, where uv and pipx install programs', () => {
    const tools = join(person, '.local/share/uv/tools/clock')
    for (const command of [
      [join(person, '.local/bin/clock')],
      ['uvx', 'clock@latest'],
      ['uvx', '--from', 'clock', 'clock'],
    ]) {
      const places = contained(command).files
      assert.equal(places.get(tools), tools, command.join(' '))
      assert.equal(places.get(join(home, 'pythons/3.12')), join(home, 'pythons/3.12.4'))
      assert.ok(!places.has(join(person, '.local')), 'not all that a person has')
    }
    const spaced = written('my tools/run', spacedLine(join(tools, 'bin/python')), 0o755)
    assert.equal(contained([spaced]).files.get(tools), tools)
    written('tools/broken', '#!/no/such/python\n', 0o755)
    assert.match(reason(['broken']), /broken is started by \/no\/such\/python: there is no program/)
  })

  it('that only chooses another one has that', () => {
    const root = join(home, 'pyenv')
    for (const version of ['3.9.2', '3.11.7', '3.11.10']) {
      written(`pyenv/versions/${version}/bin/python3`, 'ELF', 0o755)
      mkdirSync(join(root, 'versions', version, 'lib'), { recursive: true })
    }
    written('pyenv/shims/python3', '#!/usr/bin/env bash\n', 0o755)
    written('pyenv/version', '3.9.2\n')
    const path = `${join(root, 'shims')}:/usr/bin`
    const chosen = (more: CommandInCellOptions = {}) => contained(['python3'], join(home, 'proj'), { path, ...more })
    assert.equal(chosen().command[0], join(root, 'versions/3.9.2/bin/python3'))
    assert.ok(chosen().files.has(join(root, 'versions/3.9.2')))
    written('proj/.python-version', '3.11\n')
    assert.equal(chosen().command[0], join(root, 'versions/3.11.10/bin/python3'))
    assert.equal(
      chosen({ variables: { PYENV_VERSION: '3.11.7' } }).command[0],
      join(root, 'versions/3.11.7/bin/python3'),
    )
    written('rust/toolchains/stable-x/bin/cargo', 'ELF', 0o755)
    mkdirSync(join(home, 'rust/toolchains/stable-x/lib'), { recursive: true })
    written('rust/settings.toml', 'default_toolchain = "stable-x"\n')
    written('rust/bin/rustup', 'ELF', 0o755)
    symlinkSync('rustup', join(home, 'rust/bin/cargo'))
    const cargo = contained(['cargo', 'run'], dirname(written('crate/Cargo.toml')), {
      path: join(home, 'rust/bin'),
      variables: { RUSTUP_HOME: join(home, 'rust') },
    })
    assert.deepEqual(cargo.command, [join(home, 'rust/toolchains/stable-x/bin/cargo'), 'run'])
    assert.equal(cargo.cwd, join(home, 'crate'))
    assert.ok(cargo.env.get('PATH')?.startsWith(join(home, 'rust/toolchains/stable-x/bin:')))
    assert.equal(spawnSync('mkfifo', [join(home, 'crate/rust-toolchain')]).status, 0)
    const around = { path: join(home, 'rust/bin'), variables: { RUSTUP_HOME: join(home, 'rust') } }
    assert.deepEqual(contained(['cargo', 'run'], join(home, 'crate'), around).command, cargo.command, 'nobody waits')
  })

  it('of a module sees what the module is in, and starts there', () => {
    written('mods/shop/__main__.py')
    const { command, cwd, files } = contained(['sh', '-m', 'shop'], join(home, 'mods'), { startsThere: true })
    assert.deepEqual([command, cwd], [['sh', '-m', 'shop'], join(home, 'mods')])
    assert.ok(files.has(join(home, 'mods')))
  })
})
