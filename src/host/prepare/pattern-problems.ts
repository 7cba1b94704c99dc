import type { Config, UpstreamConfig } from '../../config/config.ts'
import { readRepositoryPattern } from '../../gateway/protocols/git/repository-pattern.ts'
import { readPattern } from '../../gateway/protocols/http/pattern.ts'
import { operationIn, type Problem } from '../../model/index.ts'

/** Returns what is wrong with the tools of upstreams that are patterns: of requests, and of repositories and refs. */
export function patternProblems({ upstreams }: Pick<Config, 'upstreams'>): readonly Problem[] {
  return [...upstreams.values()].flatMap((upstream) => {
    const { name, tools, source, server } = upstream
    const isDocumented = server.kind === 'origin' && server.openapi !== undefined
    const read = readerOf(upstream)
    if (read === undefined) return []
    return [...tools.keys()].flatMap((tool): readonly Problem[] => {
      const written = operationIn(tool).tool
      const pattern = read(written)
      if (!pattern.ok) return [{ source, message: `"${written}" of "${name}": ${pattern.reason}` }]
      return isDocumented && written.includes('?')
        ? [
            {
              source,
              message: `"${written}" of "${name}": its document says which query it may have`,
              expected: written.replace(/\?.*/s, ''),
            },
          ]
        : []
    })
  })
}

function readerOf({ server }: UpstreamConfig) {
  if (server.kind !== 'origin' || server.model !== undefined || server.packages !== undefined || server.tunnel === true)
    return undefined
  return server.git === undefined ? readPattern : readRepositoryPattern
}
