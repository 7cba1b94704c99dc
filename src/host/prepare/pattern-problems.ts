import { calledOn, isDocumented } from '../../config/called-on.ts'
import type { Config, UpstreamConfig } from '../../config/config.ts'
import { readRepositoryPattern } from '../../gateway/protocols/git/repository-pattern.ts'
import { PatternTable, readPattern } from '../../gateway/protocols/http/pattern.ts'
import { operationIn, type Problem } from '../../model/index.ts'

/** Returns what is wrong with the tools of upstreams that are patterns: of requests, and of repositories and refs. */
export function patternProblems({ upstreams }: Pick<Config, 'upstreams'>): readonly Problem[] {
  return [...upstreams.values()].flatMap((upstream) => {
    const { name, tools, source } = upstream
    const read = readerOf(upstream)
    if (read === undefined) return []
    const single = [...tools.keys()].flatMap((tool): readonly Problem[] => {
      const written = operationIn(tool).tool
      const pattern = read(written)
      if (!pattern.ok) return [{ source, message: `"${written}" of "${name}": ${pattern.reason}` }]
      return isDocumented(upstream) && written.includes('?')
        ? [
            {
              source,
              message: `"${written}" of "${name}": its document says which query it may have`,
              expected: written.replace(/\?.*/s, ''),
            },
          ]
        : []
    })
    return single.length > 0 ? single : overlapIn(upstream)
  })
}

/** Returns a problem where two requests of an origin cover each other: nobody could say which of them is meant. */
function overlapIn(upstream: UpstreamConfig): readonly Problem[] {
  if (calledOn(upstream) !== 'request') return []
  const { name, tools, source } = upstream
  const patterns = [...tools.keys()].flatMap((tool) => {
    const pattern = readPattern(operationIn(tool).tool)
    return pattern.ok ? [pattern.value] : []
  })
  try {
    new PatternTable(patterns)
    return []
  } catch (error) {
    return [{ source, message: `tools of "${name}": ${error instanceof Error ? error.message : String(error)}` }]
  }
}

/** Returns what reads the patterns of an upstream; undefined where its tools are none. */
function readerOf(upstream: UpstreamConfig) {
  const operation = calledOn(upstream)
  if (operation === 'request') return readPattern
  return operation === 'git' ? readRepositoryPattern : undefined
}
