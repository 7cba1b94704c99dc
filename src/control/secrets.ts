import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import process from 'node:process'
import type { Config, SecretSource, Upstream } from '../config/config.ts'
import { secretsOf } from '../config/secret-names.ts'
import { injectInto, openSecrets } from '../gateway/secrets.ts'
import { type EnvironmentName, no, ok, type Result, type UpstreamName } from '../model/index.ts'

/** How long a command may take to say a secret; a person waits for the start meanwhile. */
const COMMAND_MS_MAX = 10_000
/** More than any credential. */
const SECRET_BYTES_MAX = 65_536

/**
 * The values of the secrets that this environment's upstreams name; nobody else's are read. Once for each start: a command
 * runs once. What went wrong is told without anything that was read.
 */
export function readSecrets(
  config: Config,
  environment: EnvironmentName,
  commandMsMax: number = COMMAND_MS_MAX,
): Result<ReadonlyMap<string, string>, string> {
  const values = new Map<string, string>()
  for (const upstream of config.upstreams.values()) {
    if (upstream.environment !== environment) continue
    for (const name of secretsOf(upstream.mcp)) {
      if (values.has(name)) continue
      const source = config.secrets.get(name)
      if (source === undefined) return no(`secret "${name}" is not declared`)
      const read = readSecret(source, config.directory, commandMsMax)
      if (!read.ok) return no(`secret "${name}" cannot be read: ${read.reason}`)
      values.set(name, read.value)
    }
  }
  return ok(values)
}

/**
 * The same for some upstreams, of which each is told by itself why its secrets cannot be used: one that is not set keeps
 * nobody from asking the others.
 */
export function readSecretsOf(config: Config, upstreams: readonly Upstream[]): ReadSecrets {
  const read = new Map<string, Result<string, string>>()
  const faults = new Map<UpstreamName, string>()
  for (const { name: upstream, mcp } of upstreams)
    for (const name of secretsOf(mcp)) {
      const value = read.get(name) ?? usableSecret(config, name)
      read.set(name, value)
      if (!value.ok && !faults.has(upstream)) faults.set(upstream, value.reason)
    }
  return { values: new Map([...read].flatMap(([name, value]) => (value.ok ? [[name, value.value]] : []))), faults }
}

export interface ReadSecrets {
  readonly values: ReadonlyMap<string, string>
  /** Of upstreams whose secrets cannot be used. */
  readonly faults: ReadonlyMap<UpstreamName, string>
}

function usableSecret(config: Config, name: string): Result<string, string> {
  const source = config.secrets.get(name)
  if (source === undefined) return no(`secret "${name}" is not declared`)
  const value = readSecret(source, config.directory)
  if (!value.ok) return no(`secret "${name}" cannot be read: ${value.reason}`)
  const usable = openSecrets(new Map([[name, value.value]]))
  return usable.ok ? value : usable
}

/** Environment variables with `${secret:name}` replaced, for a stdio server's own cell. */
export function injectSecrets(
  secrets: ReadonlyMap<string, string>,
  variables: ReadonlyMap<string, string>,
): Record<string, string> {
  return Object.fromEntries([...variables].map(([name, value]) => [name, injectInto(value, secrets)]))
}

/** One of them, from where its configuration's directory says; never empty. */
export function readSecret(
  source: SecretSource,
  directory: string,
  commandMsMax: number = COMMAND_MS_MAX,
): Result<string, string> {
  const read = valueFrom(source, directory, commandMsMax)
  return read.ok && read.value === '' ? no('it is empty') : read
}

function valueFrom(source: SecretSource, directory: string, commandMsMax: number): Result<string, string> {
  switch (source.kind) {
    case 'env': {
      const value = process.env[source.variable]
      return value === undefined ? no(`the environment variable ${source.variable} is not set`) : ok(value)
    }
    case 'file':
      try {
        return ok(readFileSync(source.path, 'utf8').replace(/\n$/, ''))
      } catch {
        return no(`${source.path} is not there, or not for us`)
      }
    case 'command':
      return said(source.command, directory, commandMsMax)
  }
}

/** Its standard output. What it complains about could be anything, the secret too: nobody sees that. */
function said([program, ...args]: readonly string[], directory: string, msMax: number): Result<string, string> {
  if (program === undefined) return no('there is no command')
  const { error, status, signal, stdout } = spawnSync(program, args, {
    cwd: directory,
    env: { PATH: '/usr/local/bin:/usr/bin:/bin', LANG: 'C.UTF-8', HOME: process.env.HOME ?? '/' },
    stdio: ['ignore', 'pipe', 'ignore'],
    timeout: msMax,
    killSignal: 'SIGKILL',
    maxBuffer: SECRET_BYTES_MAX,
  })
  const code = error !== undefined && 'code' in error ? String(error.code) : undefined
  if (code === 'ETIMEDOUT') return no(`${program} took longer than ${msMax} ms`)
  if (code === 'ENOBUFS') return no(`${program} said more than ${SECRET_BYTES_MAX} bytes`)
  if (code !== undefined) return no(`${program} cannot be run (${code})`)
  if (status !== 0) return no(`${program} ended with ${signal ?? status}`)
  try {
    return ok(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(stdout).replace(/\n$/, ''))
  } catch {
    return no(`${program} said what is not UTF-8`)
  }
}
