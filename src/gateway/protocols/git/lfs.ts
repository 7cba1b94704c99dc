import { isJsonObject, type Json, no, ok, type Result } from '../../../model/index.ts'
import { isRefName } from './ref-name.ts'

/** A request for places from which files of LFS are fetched, or to which they are sent (git-lfs, docs/api/batch.md). */
export interface LfsBatch {
  readonly operation: 'download' | 'upload'
  /** The ref that it is for, where it says. */
  readonly ref: string | undefined
  readonly objects: readonly { readonly oid: string; readonly size: number }[]
}

/** Objects of one batch; git-lfs asks for a hundred. */
export const LFS_OBJECTS_MAX = 1_000

/** Reads a batch; the error says what is wrong with it. */
export function readLfsBatch(body: Json): Result<LfsBatch, string> {
  if (!isJsonObject(body)) return no('it is no object')
  const { operation, ref, objects, transfers = ['basic'], hash_algo: algorithm = 'sha256' } = body
  if (operation !== 'download' && operation !== 'upload') return no('its operation is none of download, upload')
  if (algorithm !== 'sha256') return no('its objects are not named by sha256')
  if (!Array.isArray(transfers) || !transfers.includes('basic')) return no('it does not take the basic transfer')
  const name = isJsonObject(ref) ? ref.name : undefined
  if (ref !== undefined && (typeof name !== 'string' || !isRefName(name))) return no('its ref has no full name')
  if (!Array.isArray(objects) || objects.length === 0) return no('it names no objects')
  if (objects.length > LFS_OBJECTS_MAX) return no(`it names more than ${LFS_OBJECTS_MAX} objects`)
  const read: { readonly oid: string; readonly size: number }[] = []
  for (const each of objects) {
    const { oid, size } = isJsonObject(each) ? each : {}
    const isSize = typeof size === 'number' && Number.isSafeInteger(size) && size >= 0
    if (typeof oid !== 'string' || !/^[0-9a-f]{64}$/.test(oid) || !isSize) return no('it names what is no object')
    read.push({ oid, size })
  }
  return ok({ operation, ref: typeof name === 'string' ? name : undefined, objects: read })
}
