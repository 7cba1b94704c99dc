import type { ModelOperation, ModelWayOut } from '../../../model/index.ts'
import type { RequestShape } from './shape.ts'

/** An interface that models are asked through. */
export type ModelApi = 'messages' | 'responses' | 'chat' | 'generate'

/** A path that is asked: its segments, of which `{model}` stands for the name of a model. */
export interface ModelPath {
  readonly method: 'GET' | 'POST'
  readonly path: string
  readonly operation: ModelOperation
  readonly api: ModelApi
  /** Streams where the path says so; absent: where the body does. */
  readonly stream?: boolean
  /** Names of the query that pass, with the values that each may have; others are refused, but for credentials. */
  readonly query?: Readonly<Record<string, RegExp>>
  readonly body?: RequestShape
  /** Places of the body that bound the output, in tokens; what is absent is put in at the first of them. */
  readonly outputAt?: readonly (readonly string[])[]
  /** True where a server may know the first of them alone: that is put in, too. */
  readonly firstBinds?: boolean
  /** Place of the number of answers that are made of one request, each as long as the output may be. */
  readonly answersAt?: readonly string[]
  /** Members that are put in where they are absent, so that the provider's default is not taken. */
  readonly explicit?: Readonly<Record<string, boolean | string>>
}

/** A provider of models as data: what may be asked of it, and what of that is a way out of its own. */
export interface ModelProvider {
  readonly name: string
  /** Changes with each change of the table. */
  readonly version: string
  readonly shape: 'anthropic' | 'openai' | 'google'
  /** Names of headers that pass, in lower case; others stay behind. */
  readonly headers: readonly string[]
  /** Names of those that pass with a way out beside them. */
  readonly wayOutHeaders?: readonly string[]
  /** The headers without which it takes no request: they go with one that a person has let through, and none of its cell's. */
  readonly approvedHeaders?: readonly (readonly [name: string, value: string])[]
  /**
   * The header that switches betas on, and the values of it that pass; others stay behind. `reading` has those that have a
   * model read so many tokens.
   */
  readonly betas?: {
    readonly header: string
    readonly values: ReadonlySet<string>
    readonly reading: ReadonlyMap<string, number>
  }
  /** Names of the query that carry a credential: they stay behind. */
  readonly credentialsInQuery: readonly string[]
  readonly paths: readonly ModelPath[]
  /** Paths that servers of its kind may know beside its own: a model is asked there, so that none of them is a way out. */
  readonly others?: readonly ModelPath[]
  /** Beginnings of paths that are ways out; the first that fits is meant. */
  readonly closed: readonly (readonly [prefix: string, wayOut: ModelWayOut])[]
}

/** Returns which table a request was judged by, as entries name it. */
export function tableOf({ name, version }: ModelProvider): string {
  return `${name} ${version}`
}

/**
 * Returns the way out that a path is, or lies below, a method of Google's too (`/v1beta/files:register`); a longer word is
 * another path.
 */
export function closedAt({ closed }: Pick<ModelProvider, 'closed'>, path: string): ModelWayOut {
  const lies = (prefix: string) =>
    path.startsWith(prefix) && (prefix.endsWith('/') || ['', '/', ':'].includes(path.charAt(prefix.length)))
  return closed.find(([prefix]) => lies(prefix))?.[1] ?? 'admin'
}
