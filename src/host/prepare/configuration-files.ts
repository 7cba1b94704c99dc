import { createHash } from 'node:crypto'
import { join, relative } from 'node:path'
import type { Config } from '../../config/config.ts'
import { filesBesideIn } from '../../config/read/file-beside.ts'
import { type Sha256, sha256, type TenantName } from '../../model/index.ts'
import { type AcceptedTexts, acceptedPath, tenantsOf } from './accepted.ts'

/** A file that a configuration is made of. */
export interface ConfigurationFile {
  /** Absolute. */
  readonly path: string
  /** Certificates alone may be shown to a cell. */
  readonly kind: 'configuration' | 'policy' | 'accepted' | 'rules' | 'certificates'
  /** The tenant that alone goes by it; absent where everybody does. */
  readonly tenant?: TenantName
}

/**
 * Returns every file that a configuration is made of: no workspace holds one of them, and no cell changes what it is judged
 * by. What they hold is read once, with the configuration, and is what `configurationDigest` names.
 */
export function configurationFiles(config: Config): readonly ConfigurationFile[] {
  const { file, directory, policies, upstreams, environments } = config
  return [
    { path: file, kind: 'configuration' },
    ...tenantsOf(config).map((tenant) => ({
      path: acceptedPath(file, tenant),
      kind: 'accepted' as const,
      ...of(tenant),
    })),
    ...policies.map((each) => ({ path: join(directory, each.file), kind: 'policy' as const, ...of(each.tenant) })),
    ...[...upstreams.values()].flatMap(({ server, environment }) =>
      filesBesideIn(server).map(({ path, kind }) => ({ path, kind, ...of(environments.get(environment)?.tenant) })),
    ),
  ]
}

function of(tenant: TenantName | undefined): Pick<ConfigurationFile, 'tenant'> {
  return tenant === undefined ? {} : { tenant }
}

/** Returns the name of the exact configuration that a tenant's decisions are made under: of all that was read with it. */
export function configurationDigest(config: Config, accepted: AcceptedTexts, tenant: TenantName | undefined): Sha256 {
  const hash = createHash('sha256').update(config.text)
  for (const { file, text } of config.policies) hash.update(`\0${file}\0${text}`)
  const own = accepted.get(tenant)
  if (own?.ok && own.value !== undefined) hash.update('\0').update(own.value)
  const beside = [...config.upstreams.values()].flatMap(({ server }) => filesBesideIn(server))
  for (const { path, digest } of new Set(beside)) hash.update(`\0${relative(config.directory, path)}\0${digest}`)
  for (const { name, observed } of config.agents.values()) if (observed) hash.update(`\0observed\0${name}`)
  return sha256(hash.digest('hex'))
}
