/**
 * The package install: npm and pip in one cell, as they are. They ask their registries at their own names, and have what
 * their owner's rules let through. What they had is looked up where they install, and what was asked for in the registries,
 * which stand on loopback. Fails when a claim fails.
 */
import { spawn, spawnSync } from 'node:child_process'
import { chmodSync, cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { parseArgs } from 'node:util'
import { saidIn, scriptOf } from '../../test/kit/attempts.ts'
import { npmPackage } from '../coding-agent/npm.ts'
import { LOOK_ALIKES, type Registry, SCRIPT_RAN, startNpm, startPypi } from './registries.ts'

const HERE = import.meta.dirname
const FIREBREAK = join(HERE, '..', '..', 'bin', 'firebreak')
const HELP = `Packages in a cell: what npm and pip have of two registries, and what they are told.

usage: node examples/package-install/start.ts [--json]
`

/** One thing that a manager is asked for. */
interface Wanted {
  readonly name: string
  readonly what: string
  /** The package, and what follows its name, by manager. */
  readonly npm: string
  readonly pip: string
  /** Version that comes; absent: none does. */
  readonly comes?: string
  /** Words that its manager says, where none comes. */
  readonly told?: RegExp
  /** The registry hears nothing of it; `file`: of its list alone. */
  readonly unheard?: 'name' | 'file'
}

const WANTED: readonly Wanted[] = [
  { name: 'honest', what: 'an honest package', npm: 'honest-sum', pip: 'honest-sum', comes: '1.0.0' },
  {
    name: 'range',
    what: 'one whose newest version is an hour old',
    npm: 'fresh-sum@^1',
    pip: 'fresh-sum>=1',
    comes: '1.0.0',
  },
  {
    name: 'exact',
    what: 'that version, by its number',
    npm: 'fresh-sum@1.1.0',
    pip: 'fresh-sum==1.1.0',
    told: /it is younger than 7 days/,
    unheard: 'file',
  },
  {
    name: 'runs',
    what: 'one that runs a program when it is installed',
    npm: 'built-sum',
    pip: 'built-sum==1.0.0',
    told: /it runs programs when it is installed/,
    unheard: 'file',
  },
  {
    name: 'look-alike',
    what: 'one whose name is a letter off',
    npm: LOOK_ALIKES.npm,
    pip: LOOK_ALIKES.pip,
    told: /looks like (?:react|requests), and is another package/,
    unheard: 'name',
  },
  {
    name: 'denied',
    what: 'one on the owner’s deny list',
    npm: 'stolen-sum',
    pip: 'stolen-sum',
    told: /is denied by its owner here/,
    unheard: 'name',
  },
  {
    name: 'replaced',
    what: 'one whose file was replaced since it was pinned',
    npm: 'sealed-sum@1.0.0',
    pip: 'sealed-sum==1.0.0',
    told: /its integrity is not the one that is pinned/,
    unheard: 'file',
  },
]

interface Manager {
  readonly name: 'npm' | 'pip'
  /** Command that installs into a directory of its own. */
  install(want: Wanted): string
  /** Command that prints the version that came. */
  had(want: Wanted): string
  readonly registry: Registry
}

const { values } = parseArgs({ options: { json: { type: 'boolean' }, help: { type: 'boolean' } } })
if (values.help) {
  process.stdout.write(HELP)
  process.exit(0)
}
const json = values.json === true
const place = mkdtempSync(join(tmpdir(), 'package-install-'))
let exitCode = 1
try {
  exitCode = await packageInstall()
} finally {
  rmSync(place, { recursive: true, force: true })
}
process.exit(exitCode)

async function packageInstall(): Promise<number> {
  say('The package install. npm and pip ask in a cell for good packages and for bad ones.\n')
  const [npm, pypi] = await Promise.all([startNpm(), startPypi()])
  const python = pythonWithPip()
  const managers = [npmOf(npm), ...(python === undefined ? [] : [pipOf(pypi, python)])]
  if (python === undefined)
    say('pip is skipped: no /usr/bin/python3 or /usr/local/bin/python3 of this host runs “-m pip”\n')
  say('In their cell …')
  const ran = await installed(managers, npm, pypi)
  const results = Object.fromEntries(
    managers.map((manager) => [manager.name, WANTED.map((want) => resultOf(ran, manager, want))] as const),
  )
  for (const { name } of managers) {
    say(`\n${`What ${name} was asked for`.padEnd(52)}had      and said`)
    for (const [i, { what }] of WANTED.entries()) {
      const { had, told, logged } = results[name]?.[i] ?? {}
      const said = told ?? (logged === undefined ? '' : `(in firebreak logs) ${logged}`)
      say(`  ${what.padEnd(50)}${(had ?? '—').padEnd(9)}${cut(said, 90)}`.trimEnd())
    }
  }
  const claims = Object.assign(
    {},
    ...managers.map((manager) => claimsOf(manager, results[manager.name] ?? [], ran.said)),
  )
  say('\nThe claims')
  for (const [claim, holds] of Object.entries(claims)) say(`  ${holds ? 'yes' : 'NO '}  ${claim}`)
  const ok = Object.values(claims).every(Boolean)
  say(ok ? '\nEvery claim holds.' : '\nA claim does not hold.')
  if (!ok) process.stderr.write(`${ran.stderr}\n${JSON.stringify(ran.said, null, 2)}\n`)
  if (json) console.log(JSON.stringify({ ok, claims, results, ...(python === undefined && { skipped: ['pip'] }) }))
  return ok ? 0 : 1
}

/** The outcome of asking for one package. */
interface Result {
  readonly had?: string
  /** Why it was refused, as the manager has it. */
  readonly told?: string
  /** The same, where the manager keeps it to itself: pip says nothing of an answer to a list. */
  readonly logged?: string
}

function resultOf({ said, logged }: Installed, { name, registry }: Manager, want: Wanted): Result {
  const text = said[`${name} ${want.name}`] ?? ''
  const [, had] = /^HAD (\S+)$/m.exec(text) ?? []
  const [, told] = /refused by Firebreak: (.+?)(?: \(reference| - GET | for url|$)/m.exec(text) ?? []
  const line = logged.find(({ upstream, why }) => upstream === registry.name && why.includes(`${want[name]} `))
  return {
    ...(had !== undefined && { had }),
    ...(told !== undefined ? { told } : line !== undefined && { logged: line.why }),
  }
}

function claimsOf(manager: Manager, results: readonly Result[], said: Readonly<Record<string, string>>) {
  const { name, registry } = manager
  const each = WANTED.map((want, i) => ({ want, result: results[i] ?? {} }))
  const isUnheard = ({ unheard, [name]: spec }: Wanted) => {
    const [, module = ''] = /^([\w-]+)/.exec(spec) ?? []
    const version = /\d+\.\d+\.\d+$/.exec(spec)?.[0] ?? '1.0.0'
    const about = registry.asked.filter((path) => path.replaceAll('_', '-').includes(module))
    return unheard === 'name'
      ? about.length === 0
      : about.every((path) => !path.includes(version) || !/\.(?:tgz|whl|tar\.gz)$/.test(path))
  }
  return {
    [`${name} has the honest package, and of a range the version that is old enough`]: each.every(
      ({ want, result }) => want.comes === result.had,
    ),
    [`why it has not the others is told by ${name}, or by firebreak logs where ${name} tells nothing`]: each.every(
      ({ want, result }) => want.told === undefined || want.told.test(result.told ?? result.logged ?? ''),
    ),
    [`${name}’s registry was asked for no file of them, and heard of no name that is denied or looks like another`]:
      registry.asked.length > 0 && WANTED.every((want) => want.unheard === undefined || isUnheard(want)),
    [`no program of a package ran while ${name} installed it`]: said[`${name} ran`] === 'none',
  }
}

interface Installed {
  /** Output of each command, by its name. */
  readonly said: Readonly<Record<string, string>>
  readonly stderr: string
  /** Refusals of the gateway, in their order. */
  readonly logged: readonly { readonly upstream: string; readonly why: string }[]
}

/** Runs all of them in one cell, each manager beside the other. */
async function installed(managers: readonly Manager[], npm: Registry, pypi: Registry): Promise<Installed> {
  const parts = managers.map(({ name, install, had }) => {
    const wants = WANTED.map((want) => {
      const directory = `/tmp/${name}/${want.name}`
      const command = `mkdir -p ${directory}; cd ${directory}; ${install(want)}; ${had(want)}`
      return [`${name} ${want.name}`, `(${command})`] as const
    })
    return `{\n${scriptOf(Object.fromEntries(wants))}\n} > /tmp/${name}.txt 2>&1 &`
  })
  const ends = managers.map(
    ({ name }) => `cat /tmp/${name}.txt; echo "@@${name} ran"; ls ${SCRIPT_RAN[name]} 2>&- || echo none`,
  )
  mkdirSync(join(place, 'install'))
  writeFileSync(join(place, 'install', 'install.sh'), `${[...parts, 'wait', ...ends].join('\n')}\n`)
  cpSync(join(HERE, 'deny.txt'), join(place, 'deny.txt'))
  const program = join(place, 'npm-in-cell')
  writeFileSync(program, '#!/bin/sh\nexec /opt/node/node /opt/npm/bin/npm-cli.js "$@"\n')
  chmodSync(program, 0o755)
  const profile = process.getuid?.() === 0 ? '' : 'profile: user\n'
  const text = readFileSync(join(HERE, 'firebreak.yaml'), 'utf8')
    .replace('registry: npm\n', `registry: npm\n      url: "${npm.url}"\n`)
    .replace('registry: pypi\n', `registry: pypi\n      url: "${pypi.url}"\n`)
    .replace('files: { ', `files: { /opt/npm: ${npmPackage()}, /opt/node/npm: ${program}, `)
  const config = join(place, 'firebreak.yaml')
  writeFileSync(config, profile + text)
  const state = join(place, 'state')
  const words = ['run', '--config', config, '--state', state]
  const child = spawn(FIREBREAK, words, { env: { PATH: process.env.PATH }, stdio: ['ignore', 'pipe', 'pipe'] })
  let stderr = ''
  child.stderr.setEncoding('utf8').on('data', (piece: string) => {
    stderr += piece
  })
  let stdout = ''
  for await (const piece of child.stdout.setEncoding('utf8')) stdout += piece
  const logs = spawnSync(FIREBREAK, ['logs', '--refused', '--json', '--state', state], { encoding: 'utf8' })
  const { entries = [] } = JSON.parse(logs.stdout.trimEnd().split('\n').at(-1) ?? '{}') as {
    readonly entries?: readonly { readonly upstream?: string; readonly why?: readonly string[] }[]
  }
  const logged = entries.map(({ upstream = '', why: [why = ''] = [] }) => ({
    upstream,
    why: why.replace(/^\$ is refused: /, '').replace(/ — .*/, ''),
  }))
  return { said: saidIn(stdout), stderr, logged }
}

function npmOf(registry: Registry): Manager {
  return {
    name: 'npm',
    registry,
    install: ({ npm }) => `npm install --no-audit --no-fund '${npm}'`,
    had: ({ npm }) => {
      const [, module = ''] = /^([\w-]+)/.exec(npm) ?? []
      return `sed -n 's/.*"version":"\\([^"]*\\)".*/HAD \\1/p' node_modules/${module}/package.json 2>&-`
    },
  }
}

function pipOf(registry: Registry, python: string): Manager {
  return {
    name: 'pip',
    registry,
    install: ({ pip }) => `${python} -m pip install --no-input --target here '${pip}'`,
    had: ({ pip }) => {
      const [, module = ''] = /^([\w-]+)/.exec(pip) ?? []
      return `PYTHONPATH=here ${python} -c 'import ${module.replaceAll('-', '_')} as m; print("HAD", m.VERSION)' 2>&-`
    },
  }
}

/** Returns a Python of this host that cells see, and that has pip. */
function pythonWithPip(): string | undefined {
  return ['/usr/local/bin/python3', '/usr/bin/python3'].find(
    (path) => existsSync(path) && spawnSync(path, ['-m', 'pip', '--version']).status === 0,
  )
}

function cut(text: string, characters: number): string {
  return text.length <= characters ? text : `${text.slice(0, characters - 1)}…`
}

function say(text: string): void {
  if (!json) console.log(text)
}
