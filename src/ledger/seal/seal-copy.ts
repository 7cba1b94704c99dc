import { join } from 'node:path'
import type { Disk } from '../log/disk.ts'
import { parseCheckpoint, parseNote, type TreeHead } from '../log/note.ts'

/** One file, written in place: two pages could be torn, one sector is enough for a seal. */
const SEAL_BYTES = 4_096

/**
 * The newest seal that the witness sent, beside the log. The gateway could forge it, so nothing that must convince
 * others uses it: it only tells a restart how far damage cannot be an honest crash. Lost or torn, it is as if absent.
 */
export async function readSealCopy(disk: Disk, directory: string, origin: string): Promise<TreeHead | undefined> {
  const file = await disk.open(join(directory, 'seal'), 'read')
  if (!file) return undefined
  const bytes = await file.read(0, SEAL_BYTES)
  await file.close()
  const note = parseNote(bytes.toString().replace(/\0+$/, ''))
  const head = note.ok ? parseCheckpoint(note.value.text) : note
  return head.ok && head.value.origin === origin ? head.value : undefined
}

export async function writeSealCopy(disk: Disk, directory: string, note: string): Promise<void> {
  const path = join(directory, 'seal')
  const bytes = Buffer.alloc(SEAL_BYTES)
  bytes.write(note)
  const file = (await disk.open(path, 'write')) ?? (await disk.create(path))
  await file.write(bytes, 0)
  await file.close()
}
