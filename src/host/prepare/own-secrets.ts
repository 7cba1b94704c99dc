import { createHmac } from 'node:crypto'
import { readFileSync } from 'node:fs'
import process from 'node:process'
import type { Config } from '../../config/config.ts'
import { secretsOf } from '../../config/secret-names.ts'
import { type EnvironmentName, isJsonObject, type Json } from '../../model/index.ts'

/** Keyed digests of secrets, by their names: they say whether two processes have the same ones, until the next boot. */
export type SecretDigests = Readonly<Record<string, string>>

/**
 * Returns digests of the secrets that this process has itself: variables of its own, that upstreams of an environment name
 * by `env:`. One that it does not have is left out.
 */
export function ownSecrets(
  config: Config,
  environment: EnvironmentName,
  variables: Readonly<Record<string, string | undefined>> = process.env,
): SecretDigests {
  const named = [...config.upstreams.values()]
    .filter((upstream) => upstream.environment === environment)
    .flatMap(({ server }) => secretsOf(server))
  const own = [...new Set(named)].flatMap((name) => {
    const source = config.secrets.get(name)
    const value = source?.kind === 'env' ? variables[source.variable] : undefined
    return value === undefined ? [] : [[name, digestOf(value)] as const]
  })
  return Object.fromEntries(own)
}

/**
 * Returns why the secrets that another process has are not those of this one; undefined where all that it has are the same.
 * It may have none of them: then it goes by those of this process.
 *
 * @param theirs as they came by the host's door.
 */
export function otherSecret(
  config: Config,
  environment: EnvironmentName,
  theirs: Json,
  variables?: Readonly<Record<string, string | undefined>>,
): string | undefined {
  const own = ownSecrets(config, environment, variables)
  const other = Object.entries(isJsonObject(theirs) ? theirs : {}).find(([name, digest]) => own[name] !== digest)
  if (other === undefined) return undefined
  const source = config.secrets.get(other[0])
  const variable = source?.kind === 'env' ? source.variable : ''
  const what = own[other[0]] === undefined ? 'the host does not have it' : 'the host was started with another'
  return `the secret "${other[0]}" is in ${variable} here, and ${what}: firebreak down, and firebreak up with it; or run without it, by the host's`
}

function digestOf(value: string): string {
  return createHmac('sha256', readFileSync('/proc/sys/kernel/random/boot_id')).update(value).digest('hex')
}
