import { MODEL_PROVIDERS, PACKAGE_REGISTRIES } from '../model/index.ts'
import type { OriginServer, UpstreamConfig } from './config.ts'

/**
 * Returns every URL in a server's entry, its own first: all that is said of where an upstream is (whose place it is, what
 * a person reads, what differs between two configurations) is said of each of them.
 */
export function urlsOf(server: UpstreamConfig['server']): readonly URL[] {
  return urlsIn(server)
}

function urlsIn(value: unknown): readonly URL[] {
  if (value instanceof URL) return [value]
  if (typeof value !== 'object' || value === null) return []
  return (value instanceof Map ? [...value.values()] : Object.values(value)).flatMap(urlsIn)
}

/**
 * Returns the origins at which programs of a cell find an upstream of the web: a provider of models at its own name alone,
 * wherever the gateway goes for it, a registry of packages at its own names, too.
 */
export function foundAt(server: OriginServer): readonly string[] {
  const { url, model, packages } = server
  const provider = model === undefined ? '' : MODEL_PROVIDERS[model.provider].host
  if (provider !== '') return [`https://${provider}`]
  if (packages === undefined) return [url.origin]
  const { lists, files } = PACKAGE_REGISTRIES[packages.registry]
  return [...new Set([`https://${lists}`, `https://${files}`, ...urlsOf(server).map(({ origin }) => origin)])]
}

/** Tells whether a server is a registry that everybody has, at its own places: nobody in a cell keeps anything there. */
export function isPublicRegistry(server: UpstreamConfig['server']): boolean {
  if (server.kind !== 'origin' || server.packages === undefined) return false
  const { lists, files } = PACKAGE_REGISTRIES[server.packages.registry]
  return urlsOf(server).every(({ origin }) => [`https://${lists}`, `https://${files}`].includes(origin))
}
