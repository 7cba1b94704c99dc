/**
 * The history of one workspace on disk: `<id>/disk` and `<id>/checkpoint.json`, and `head`, the one that the files come
 * from. What is being made or removed bears a name with a dot, and the step from one to the other is a rename.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import { removeTrees } from '../model/host/remove-tree.ts'
import { type CheckpointId, checkpointId, parseJson, type Result } from '../model/index.ts'
import { type Checkpoint, checkpointFrom } from './checkpoint.ts'

export interface Store {
  /** Lists checkpoints, oldest first. */
  list(): readonly Checkpoint[]
  /** Lists entries of the directory that cannot be read as a checkpoint. */
  damaged(): readonly string[]
  /** Returns the place where its image is, or is to be made. */
  imageOf(id: CheckpointId): string
  /** Begins one and returns where its image goes. What a killed process had begun is abandoned. */
  begin(id: CheckpointId): string
  abandon(id: CheckpointId): void
  /** Puts a checkpoint on the disk and into the history. */
  finish(checkpoint: Checkpoint, at?: (step: StoreStep) => void): Promise<void>
  /** Takes one out of the history. */
  remove(id: CheckpointId): void
  /** Removes from the disk what was abandoned and removed; returns what the system says of what it cannot. */
  sweep(): Promise<Result<void, string>>
  head(): CheckpointId | undefined
  setHead(id: CheckpointId): void
}

const BEGUN = '.begun-'
const GONE = '.gone-'

export type StoreStep = 'recorded' | 'durable' | 'in the history'

/** @param directory the workspace's own; nobody but its holder may begin or remove. */
export function openStore(directory: string): Store {
  const begun = (id: string): string => join(directory, `${BEGUN}${id}`)
  const gone = (id: string): string => join(directory, `${GONE}${id}`)
  const entries = (start: string): readonly string[] =>
    existsSync(directory) ? readdirSync(directory).filter((name) => name.startsWith(start)) : []
  const names = (): readonly string[] => entries('k_')
  const abandon = (id: string): void => {
    if (existsSync(begun(id))) renameSync(begun(id), gone(id))
  }
  const list = () => names().flatMap((name) => read(join(directory, name), name) ?? [])
  return {
    list: () => list().toSorted((a, b) => a.madeAtMs - b.madeAtMs),
    damaged: () => names().filter((name) => read(join(directory, name), name) === undefined),
    imageOf: (id) => join(directory, id, 'disk'),
    begin(id) {
      mkdirSync(directory, { recursive: true, mode: 0o700 })
      for (const name of entries(BEGUN)) abandon(name.slice(BEGUN.length))
      mkdirSync(begun(id), { mode: 0o700 })
      return join(begun(id), 'disk')
    },
    abandon,
    async finish(checkpoint, at = () => {}) {
      const path = begun(checkpoint.id)
      writeFileSync(join(path, 'checkpoint.json'), `${JSON.stringify(checkpoint)}\n`, { mode: 0o600 })
      at('recorded')
      for (const name of ['disk', 'checkpoint.json', '.']) await flush(join(path, name))
      at('durable')
      renameSync(path, join(directory, checkpoint.id))
      await flush(directory)
      at('in the history')
    },
    remove: (id) => renameSync(join(directory, id), gone(id)),
    sweep: () => removeTrees(entries(GONE).map((name) => join(directory, name))),
    head() {
      try {
        return checkpointId(readFileSync(join(directory, 'head'), 'utf8'))
      } catch {
        return undefined
      }
    },
    setHead(id) {
      writeFileSync(join(directory, 'head.new'), id, { mode: 0o600 })
      renameSync(join(directory, 'head.new'), join(directory, 'head'))
    },
  }
}

/**
 * Reads the checkpoint of a directory. A record is known by the name of its directory: one that was copied to another
 * is no checkpoint.
 */
function read(path: string, name: string): Checkpoint | undefined {
  try {
    const checkpoint = checkpointFrom(parseJson(readFileSync(join(path, 'checkpoint.json'), 'utf8')))
    return checkpoint?.id === name && existsSync(join(path, 'disk')) ? checkpoint : undefined
  } catch {
    return undefined
  }
}

async function flush(path: string): Promise<void> {
  const handle = await open(path, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}
