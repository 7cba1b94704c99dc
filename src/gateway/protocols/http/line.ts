import { protocolName } from '../../../model/index.ts'
import { patternOf } from './contract.ts'
import { OriginLine, type OriginLineOptions } from './origin-line.ts'
import { PatternTable } from './pattern.ts'

export const HTTP_NAME = protocolName('http')

export interface HttpLineOptions extends OriginLineOptions {
  /** Names, in lower case, of the headers that are put into each request. */
  readonly injected: readonly string[]
}

/** One origin of a cell's, whose operations are requests. */
export class HttpLine extends OriginLine {
  readonly patterns: PatternTable
  readonly injected: readonly string[]

  constructor(options: HttpLineOptions) {
    super(options, { protocol: HTTP_NAME, key: 'http' })
    this.injected = options.injected
    this.patterns = new PatternTable([...this.contracts].map(([name, { pinned }]) => patternOf(name, pinned?.input)))
  }
}
