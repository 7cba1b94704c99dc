import { execFile, spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import process from 'node:process'
import type { Config, SecretSource } from '../../config/config.ts'
import { secretsOf } from '../../config/secret-names.ts'
import { injectInto, openSecrets } from '../../gateway/content/secrets.ts'
import { type EnvironmentName, no, ok, type Result, type UpstreamName } from '../../model/index.ts'

/** Milliseconds that a command may take to say a secret; a person waits for the start meanwhile. */
const COMMAND_MS_MAX = 10_000
/** More than any credential. */
const SECRET_BYTES_MAX = 65_536

export interface ReadSecrets {
  readonly values: ReadonlyMap<string, string>
  /** Upstreams of which a secret has no value, and why; nothing that was read stands in it. */
  readonly without: ReadonlyMap<UpstreamName, string>
}

/**
 * Reads the secrets that this environment's upstreams name; nobody else's are read. Once for each start: a command runs
 * once. An upstream that lacks one is left out of the start, and costs the others nothing.
 */
export function readSecrets(
  config: Config,
  environment: EnvironmentName,
  commandMsMax: number = COMMAND_MS_MAX,
): ReadSecrets {
  const read = new Map<string, Result<string, string>>()
  const without = new Map<UpstreamName, string>()
  for (const upstream of config.upstreams.values()) {
    if (upstream.environment !== environment) continue
    for (const name of secretsOf(upstream.server)) {
      const value = read.get(name) ?? usableValue(config, name, commandMsMax)
      read.set(name, value)
      if (!value.ok) without.set(upstream.name, value.reason)
    }
  }
  const values = [...read].flatMap(([name, value]) => (value.ok ? [[name, value.value] as const] : []))
  return { values: new Map(values), without }
}

function usableValue(config: Config, name: string, commandMsMax: number): Result<string, string> {
  const source = config.secrets.get(name)
  if (source === undefined) return no(`secret "${name}" is not declared`)
  const read = readSecret(source, config.directory, commandMsMax)
  if (!read.ok) return no(`secret "${name}" cannot be read: ${read.reason}`)
  const usable = openSecrets(new Map([[name, read.value]]))
  return usable.ok ? read : no(usable.reason)
}

/** Returns environment variables with the secrets filled in that their server's entry names, for its own cell. */
export function injectSecrets(
  secrets: ReadonlyMap<string, string>,
  named: readonly string[],
  variables: ReadonlyMap<string, string>,
): Record<string, string> {
  return Object.fromEntries([...variables].map(([name, value]) => [name, injectInto(value, secrets, named)]))
}

/**
 * Reads one secret, from where its configuration's directory says; never empty. What a file or a command says is taken
 * without the white space around it: no credential begins or ends with any.
 */
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
        return ok(readFileSync(source.path, 'utf8').trim())
      } catch {
        return no(`${source.path} is not there, or not for us`)
      }
    case 'command':
      return said(source.command, directory, commandMsMax)
  }
}

/** Returns the standard output of a command. What it complains about could be anything, the secret too: nobody sees that. */
function said([program, ...args]: readonly string[], directory: string, msMax: number): Result<string, string> {
  if (program === undefined) return no('there is no command')
  const { error, status, signal, stdout } = spawnSync(program, args, {
    ...surroundings(directory, msMax),
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  const code = error !== undefined && 'code' in error ? String(error.code) : undefined
  if (code === 'ETIMEDOUT') return no(`${program} took longer than ${msMax} ms`)
  if (code === 'ENOBUFS') return no(`${program} said more than ${SECRET_BYTES_MAX} bytes`)
  if (code !== undefined) return no(`${program} cannot be run (${code})`)
  if (status !== 0) return no(`${program} ended with ${signal ?? status}`)
  return textFrom(program, stdout)
}

/**
 * Reads a secret once more, while cells run: whoever waits for its command holds up nobody else. An environment does not
 * change, and is not asked.
 */
export function readAgain(source: SecretSource, directory: string): Promise<Result<string, string>> {
  if (source.kind !== 'command') return Promise.resolve(readSecret(source, directory))
  const [program, ...args] = source.command
  if (program === undefined) return Promise.resolve(no('there is no command'))
  return new Promise((resolve) => {
    const options = { ...surroundings(directory, COMMAND_MS_MAX), encoding: 'buffer' } as const
    const child = execFile(program, args, options, (error, stdout) => {
      const read = error === null ? textFrom(program, stdout) : no(`${program} did not say it`)
      resolve(read.ok && read.value === '' ? no('it is empty') : read)
    })
    child.stdin?.end()
  })
}

function surroundings(directory: string, msMax: number) {
  return {
    cwd: directory,
    env: { PATH: '/usr/local/bin:/usr/bin:/bin', LANG: 'C.UTF-8', HOME: process.env.HOME ?? '/' },
    timeout: msMax,
    killSignal: 'SIGKILL',
    maxBuffer: SECRET_BYTES_MAX,
  } as const
}

function textFrom(program: string, stdout: Uint8Array): Result<string, string> {
  try {
    return ok(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(stdout).trim())
  } catch {
    return no(`${program} said what is not UTF-8`)
  }
}
