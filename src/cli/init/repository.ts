import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import { isIP } from 'node:net'
import { join } from 'node:path'
import type { PackageRegistryName } from '../../model/index.ts'

/** The ways out that the work in a directory needs, by what lies there. */
export interface RepositoryNeeds {
  /** Registries that its packages come from. */
  readonly registries: readonly PackageRegistryName[]
  /** The server that its remote `origin` is at. */
  readonly remote?: GitRemote
  /** The author of its commits, as git on this host has it. */
  readonly author?: { readonly name: string; readonly email: string }
  /** Files of clients that name MCP servers: whoever can write the directory could have them start a program. */
  readonly serverFiles: readonly string[]
}

/** A git server, and the one repository there. */
export interface GitRemote {
  /** Like `https://github.com`. */
  readonly origin: string
  /** Path of the repository, like `shop/desk`. */
  readonly repository: string
  /** Beginnings of addresses by which git on this host reaches it over SSH: a cell goes over HTTPS. */
  readonly ssh: readonly string[]
  /** Variable of this host that holds a token for it, where one does and its owner has agreed. */
  readonly token?: string
}

/** Files by which a directory shows that packages of a registry belong to it. */
const MANIFESTS: Readonly<Record<PackageRegistryName, RegExp>> = {
  npm: /^package\.json$/,
  pypi: /^(?:pyproject\.toml|setup\.py|setup\.cfg|Pipfile|uv\.lock|requirements[\w.-]*\.txt)$/,
}

const SERVER_FILES = ['.mcp.json', '.vscode/mcp.json', '.cursor/mcp.json']

/** Variables in which tokens stand for the servers that most repositories are at. */
const TOKENS: Readonly<Record<string, readonly string[]>> = {
  'github.com': ['GH_TOKEN', 'GITHUB_TOKEN'],
  'gitlab.com': ['GITLAB_TOKEN'],
}

/** Returns what the work in a directory needs. What cannot be read of it is left out. */
export function repositoryNeeds(
  directory: string,
  environment: Readonly<Record<string, string | undefined>>,
): RepositoryNeeds {
  const names = readdirSync(directory)
  const registries = (['npm', 'pypi'] as const).filter((registry) =>
    names.some((name) => MANIFESTS[registry].test(name)),
  )
  const remote = readRemote(configured(directory, 'remote.origin.url'), environment)
  const [name, email] = [configured(directory, 'user.name'), configured(directory, 'user.email')]
  return {
    registries,
    ...(remote && { remote }),
    ...(isPlainText(name) && isPlainText(email) && { author: { name, email } }),
    serverFiles: SERVER_FILES.filter((file) => existsSync(join(directory, file))),
  }
}

/** Returns a value of git's configuration; undefined where there is none, no repository, or no git. */
function configured(directory: string, name: string): string | undefined {
  try {
    return execFileSync('git', ['config', '--get', name], {
      cwd: directory,
      timeout: 5_000,
      stdio: ['ignore', 'pipe', 'ignore'],
    })
      .toString()
      .replace(/\n$/, '')
  } catch {
    return undefined
  }
}

/** Tells whether a text may stand in git's configuration as it is. */
function isPlainText(text: string | undefined): text is string {
  return text !== undefined && /^[^\p{Cc}"\\#;]{1,200}$/u.test(text)
}

/**
 * Reads the address of a remote: over HTTP, `ssh://`, or as `git@host:path`. A user and a password in it are left out;
 * undefined of any other, of a host that is an address, and of one that only this host's configuration of SSH knows: whoever
 * wrote the repository would choose what of this network is reached.
 */
export function readRemote(
  url: string | undefined,
  environment: Readonly<Record<string, string | undefined>>,
): GitRemote | undefined {
  const [, scheme = '', authority = '', path = ''] =
    /^(https?|ssh):\/\/(?:[^@/]*@)?([a-z0-9.-]+(?::\d+)?)\/(.+)$/.exec(url ?? '') ??
    scpForm(/^(?:([^@/:]+)@)?([a-z0-9.-]+):(?!\/\/)(.+)$/.exec(url ?? ''))
  const repository = path.replace(/^\/+|\/+$/g, '').replace(/\.git$/, '')
  const [host = ''] = authority.split(':')
  if (!/^[\w.-]+(?:\/[\w.-]+)*$/.test(repository) || /(?:^|\/)\.{1,2}(?:\/|$)/.test(repository)) return undefined
  if (isIP(host) !== 0 || !host.includes('.')) return undefined
  const known = Object.hasOwn(TOKENS, host) ? (TOKENS[host] ?? []) : []
  const token = known.find((name) => (environment[name] ?? '') !== '')
  const isSsh = scheme === 'ssh'
  return {
    origin: isSsh ? `https://${host}` : `${scheme}://${authority}`,
    repository,
    ssh: isSsh ? [`git@${host}:`, `ssh://git@${authority}/`] : [],
    ...(token !== undefined && { token }),
  }
}

/** Returns the parts of `user@host:path`, in the order of those of a URL. */
function scpForm(match: RegExpExecArray | null): readonly string[] {
  return match === null ? [] : ['', 'ssh', match[2] ?? '', match[3] ?? '']
}

/** Returns the settings with which git of a cell commits, and goes over HTTPS where this host's goes over SSH. */
export function gitSettings({ remote, author }: RepositoryNeeds): string {
  const lines = [
    ...(author === undefined ? [] : ['[user]', `\tname = ${author.name}`, `\temail = ${author.email}`]),
    ...(remote === undefined || remote.ssh.length === 0
      ? []
      : [`[url "${remote.origin}/"]`, ...remote.ssh.map((beginning) => `\tinsteadOf = ${beginning}`)]),
  ]
  return lines.length === 0 ? '' : `${lines.join('\n')}\n`
}
