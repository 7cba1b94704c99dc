import { basename, dirname, resolve } from 'node:path'
import { type EnvironmentName, hasStrayPlaceholder, placeholdersIn } from '../../model/index.ts'
import type { Config, SecretSource } from '../config.ts'
import { secretsOf } from '../secret-names.ts'
import { type Judge, namesOf, report } from './judge.ts'

export function readSecrets(judge: Judge): ReadonlyMap<string, SecretSource> {
  const secrets = new Map<string, SecretSource>()
  for (const [name, { value, source }] of judge.shaped.secrets ?? []) {
    const { env, file, command, every } = value
    const again = every === undefined ? {} : { everyMs: every }
    if ([env, file, command].filter((each) => each !== undefined).length !== 1) {
      report(judge, source, `secret "${name}" has either env, file or command`, 'exactly one of them')
    } else if (env !== undefined) {
      if (every !== undefined) report(judge, source, `secret "${name}": an environment does not change`, 'no every:')
      secrets.set(name, { kind: 'env', variable: env })
    } else if (file !== undefined) {
      secrets.set(name, { kind: 'file', path: resolve(dirname(judge.file), file), ...again })
    } else if (command?.[0] !== undefined && command[0] !== '')
      secrets.set(name, { kind: 'command', command, ...again })
    else report(judge, source, `secret "${name}" has an empty command`, 'a program and its arguments')
  }
  return secrets
}

/** S6: a secret that two environments could use would be a wire between them. */
export function checkSecretsHaveOneHome(judge: Judge, config: Config): void {
  const homes = new Map<string, EnvironmentName>()
  for (const upstream of config.upstreams.values()) {
    for (const name of secretsOf(upstream.server)) {
      if (!config.secrets.has(name)) {
        report(judge, upstream.source, `secret "${name}" is not declared`, namesOf(config.secrets))
        continue
      }
      const home = homes.get(name)
      if (home !== undefined && home !== upstream.environment) {
        report(
          judge,
          upstream.source,
          `secret "${name}" belongs to environment "${home}" already`,
          'a secret in one environment only',
        )
      }
      homes.set(name, upstream.environment)
    }
  }
  const sources = new Map<string, string>()
  for (const [name, home] of homes) {
    const from = JSON.stringify({ ...config.secrets.get(name), everyMs: undefined })
    const other = sources.get(from)
    sources.set(from, name)
    if (other === undefined || homes.get(other) === home) continue
    const message = `secret "${name}" is read from where "${other}" of environment "${homes.get(other)}" is`
    const source = judge.shaped.secrets?.get(name)?.source
    report(judge, source ?? { file: basename(judge.file), line: 1, column: 1 }, message, 'a secret of its own')
  }
  for (const agent of config.agents.values()) {
    const given = [...agent.command, ...agent.cell.env.values()]
    const [used] = given.flatMap((text) => placeholdersIn(text))
    if (used !== undefined || given.some((text) => hasStrayPlaceholder(text)))
      report(
        judge,
        agent.source,
        `secret "${used?.name ?? ''}" in an agent's cell`,
        'secrets only under upstreams: they never enter an agent’s cell',
      )
  }
}
