import {
  type CheckpointId,
  checkpointId,
  isJsonObject,
  type Json,
  type JsonObject,
  type PersonName,
  personName,
  type Spans,
} from '../model/index.ts'

/**
 * A restorable saved state of a workspace's files.
 *
 * - CK1  What stands in the history is whole: it appeared there in one step, after its bytes were on the disk.
 * - CK2  It never changes, and restoring it changes nothing of it.
 * - CK3  One that a person has named goes only by a person's word.
 */
export interface Checkpoint {
  readonly id: CheckpointId
  /** The one that the files came from when it was made, which may be gone by now. */
  readonly parent?: CheckpointId
  readonly name?: string
  readonly occasion: Occasion
  readonly by: 'firebreak' | PersonName
  readonly why: string
  /** Epoch ms; all that its files can hold was seen until then. */
  readonly madeAtMs: number
  /** Bytes on the host's disk when it was made. */
  readonly bytes: number
  /** Stamp of the image that it was copied from: while the image has the same one, nothing has changed. */
  readonly stamp: string
  /** The record of the workspace, for who mounts it. */
  readonly workspace: JsonObject
  /** Times at which cells saw data that may stand in its files; until `madeAtMs`. */
  readonly spans: Spans
}

/** A person asked for it; it was time; something that cannot be taken back was about to be done. */
export type Occasion = 'asked' | 'scheduled' | 'before'

/** Reads a checkpoint's record on the disk; undefined where it does not hold all of it. */
export function checkpointFrom(value: unknown): Checkpoint | undefined {
  if (!isJsonObject(value as Json)) return undefined
  const { id, parent, name, occasion, by, why, madeAtMs, bytes, stamp, workspace, spans } = value as JsonObject
  try {
    if (occasion !== 'asked' && occasion !== 'scheduled' && occasion !== 'before') return undefined
    if (typeof why !== 'string' || typeof stamp !== 'string' || !isCount(madeAtMs) || !isCount(bytes)) return undefined
    if (!isJsonObject(workspace ?? null) || !isSpans(spans)) return undefined
    return {
      id: checkpointId(String(id)),
      ...(parent !== undefined && { parent: checkpointId(String(parent)) }),
      ...(typeof name === 'string' && { name }),
      occasion,
      by: by === 'firebreak' ? by : personName(String(by)),
      why,
      madeAtMs,
      bytes,
      stamp,
      workspace: workspace as JsonObject,
      spans,
    }
  } catch {
    return undefined
  }
}

function isCount(value: Json | undefined): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0
}

function isSpans(value: Json | undefined): value is Spans & Json {
  return (
    Array.isArray(value) &&
    value.every((span) => Array.isArray(span) && isCount(span[0]) && (span[1] === null || isCount(span[1])))
  )
}
