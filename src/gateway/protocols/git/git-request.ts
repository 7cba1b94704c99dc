import { no, ok, type Result } from '../../../model/index.ts'
import { readTarget } from '../../web/request-target.ts'
import type { LfsAction } from './lfs/lfs-batch.ts'

/** A service of a git server: reading of a repository, or changing of its refs. */
export type GitService = 'upload-pack' | 'receive-pack'

/**
 * A request of git over HTTP (gitprotocol-http), by its head alone.
 *
 * `repository`: path of the repository without the `.git` at its end, under which most servers have the same.
 */
export type GitRequest =
  | {
      readonly kind: 'refs'
      readonly repository: string
      readonly service: GitService
      readonly version: GitVersion
    }
  | { readonly kind: 'fetch'; readonly repository: string; readonly version: GitVersion; readonly gzip: boolean }
  | { readonly kind: 'push'; readonly repository: string }
  /** A batch of LFS: places of files are asked for. */
  | { readonly kind: 'lfs'; readonly repository: string }
  /** A file of LFS, at the place of this gateway. */
  | { readonly kind: 'lfs-object'; readonly repository: string; readonly oid: string; readonly action: LfsAction }
  | { readonly kind: 'lfs-locks'; readonly repository: string }

/** A version of git's protocol that a client asks for; a server may answer in an older one. */
export type GitVersion = 0 | 1 | 2

/** A request that is refused: `problem` in words for a person, `status` of its answer. */
export interface NoGitRequest {
  readonly problem: string
  readonly status: 400 | 403 | 415
}

/** The head of a request, its header names in lower case. */
export interface GitHead {
  readonly method: string
  readonly target: string
  readonly headers: readonly (readonly [name: string, value: string])[]
}

/** Reads the head of a request to a git server. What is none of git's smart protocol is refused with 403. */
export function readGitRequest({ method, target, headers }: GitHead): Result<GitRequest, NoGitRequest> {
  const read = readTarget(target)
  if (!read.ok) return no({ problem: read.reason, status: 400 })
  const { path, query } = read.value
  const [, place = '', end = ''] =
    /^\/(.+)\/(info\/refs|git-upload-pack|git-receive-pack|info\/lfs\/.+)$/.exec(path) ?? []
  const repository = repositoryIn(place)
  if (repository === undefined) return no({ problem: `${method} ${path} is no request to a repository`, status: 403 })
  const version = versionIn(headers)
  if (version === undefined) return no({ problem: 'its header git-protocol is none that is known', status: 400 })
  if (end === 'info/refs') {
    const service = SERVICES.get(query ?? '')
    if (method !== 'GET') return no({ problem: `${method} is no way to ask for refs`, status: 403 })
    // Without a service it is the protocol of plain files, in which nobody says what is wanted.
    if (service === undefined) return no({ problem: 'it asks for refs without a service that is known', status: 403 })
    return ok({ kind: 'refs', repository, service, version })
  }
  const file = lfsRequest(repository, method, end)
  if (file !== undefined && (query === undefined || file.kind === 'lfs-locks')) return ok(file)
  if (end.startsWith('info/lfs/') && end !== 'info/lfs/objects/batch')
    return no({ problem: `${method} ${target} is no request for files of LFS`, status: 403 })
  if (method !== 'POST' || query !== undefined)
    return no({ problem: `${method} ${target} is no request to a service`, status: 403 })
  const type = only(headers, 'content-type')?.toLowerCase()
  const encoding = only(headers, 'content-encoding')?.toLowerCase() ?? 'identity'
  const wanted = TYPES[end]
  if (type === undefined || wanted === undefined || !wanted.test(type))
    return no({ problem: `its content is said to be ${JSON.stringify(type ?? 'nothing')}`, status: 415 })
  if (end === 'git-upload-pack') {
    const gzip = encoding === 'gzip' || encoding === 'x-gzip'
    if (!gzip && encoding !== 'identity') return no({ problem: `its content comes as ${encoding}`, status: 415 })
    return ok({ kind: 'fetch', repository, version, gzip })
  }
  // No git compresses a push; what a compressed one wants would be known after it was unpacked.
  if (encoding !== 'identity') return no({ problem: `its content comes as ${encoding}`, status: 415 })
  return ok({ kind: end === 'git-receive-pack' ? 'push' : 'lfs', repository })
}

/** Reads a request about one file of LFS, or its locks; its methods are those of git-lfs (docs/api/basic-transfers.md). */
function lfsRequest(repository: string, method: string, end: string): GitRequest | undefined {
  if (/^info\/lfs\/locks(?:\/|$)/.test(end)) return { kind: 'lfs-locks', repository }
  const [, way, oid] = /^info\/lfs\/(objects|verify)\/([0-9a-f]{64})$/.exec(end) ?? []
  const action = LFS_METHODS.get(`${method} ${way}`)
  return oid === undefined || action === undefined ? undefined : { kind: 'lfs-object', repository, oid, action }
}

const LFS_METHODS: ReadonlyMap<string, LfsAction> = new Map([
  ['GET objects', 'download'],
  ['PUT objects', 'upload'],
  ['POST verify', 'verify'],
])

const SERVICES: ReadonlyMap<string, GitService> = new Map([
  ['service=git-upload-pack', 'upload-pack'],
  ['service=git-receive-pack', 'receive-pack'],
])

const TYPES: Readonly<Record<string, RegExp>> = {
  'git-upload-pack': /^application\/x-git-upload-pack-request$/,
  'git-receive-pack': /^application\/x-git-receive-pack-request$/,
  'info/lfs/objects/batch': /^application\/vnd\.git-lfs\+json(?:; ?charset=utf-8)?$/,
}

/** A segment of a repository's path: one reading for every server, so nothing encoded. */
export const REPOSITORY_SEGMENT = /^[A-Za-z0-9_~][A-Za-z0-9._~+-]{0,99}$/
/** Names at which servers cut a path in two; a repository that has one would have two readings. */
const CUTS: ReadonlySet<string> = new Set([
  'info',
  'objects',
  'git-upload-pack',
  'git-receive-pack',
  'git-upload-archive',
])
/** Segments of a repository's path: groups in groups, and the repository. */
export const REPOSITORY_SEGMENTS_MAX = 21

/** Returns a repository by its path as it is written in a URL; undefined where it is none. */
function repositoryIn(path: string): string | undefined {
  const segments = path.replace(/\.git$/, '').split('/')
  const isOne = segments.length <= REPOSITORY_SEGMENTS_MAX && segments.every(isRepositorySegment)
  return isOne ? segments.join('/') : undefined
}

/** Tells whether a text may be a segment of a repository's path. */
export function isRepositorySegment(text: string): boolean {
  return REPOSITORY_SEGMENT.test(text) && !/\.git$/i.test(text) && !text.endsWith('.') && !CUTS.has(text)
}

function versionIn(headers: GitHead['headers']): GitVersion | undefined {
  const all = headers.filter(([name]) => name === 'git-protocol')
  const [, digit] = /^version=([012])$/.exec(all[0]?.[1] ?? 'version=0') ?? []
  if (all.length > 1 || digit === undefined) return undefined
  return digit === '2' ? 2 : digit === '1' ? 1 : 0
}

/** Returns the value of a header that stands there once; undefined where it is absent, and a value that none has where it is there twice. */
function only(headers: GitHead['headers'], name: string): string | undefined {
  const all = headers.filter(([each]) => each === name).map(([, value]) => value)
  return all.length > 1 ? 'two of them' : all[0]?.trim()
}
