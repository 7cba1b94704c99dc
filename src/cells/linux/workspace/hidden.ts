import { chmodSync, lstatSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { WorkspaceSpec } from '../../spec.ts'
import type { Bind } from '../launch/ground.ts'

/**
 * Mounts over what a cell must not see of its workspace: an empty file, or an empty directory, read-only. A mount cannot be
 * renamed, removed or linked by the cell, and moves with a directory above it that is. Its content stays behind it for
 * whoever shows or lands changes.
 *
 * @param seen the workspace as the cell would see it; or what was written over it, where only the cell's own namespace can
 * mount it.
 * @param directory where the empty ones are made, in reach of the cell's uid alone.
 */
export function hiddenBinds({ hidden = [], at, lower }: WorkspaceSpec, seen: Seen, directory: string): readonly Bind[] {
  if (hidden.length === 0) return []
  const [file, folder] = [join(directory, 'hidden-file'), join(directory, 'hidden-directory')]
  writeFileSync(file, '')
  mkdirSync(folder)
  chmodSync(file, 0o444)
  chmodSync(folder, 0o555)
  return hidden.flatMap((path) => {
    const type = typeOf('merged' in seen ? [seen.merged] : [seen.upper, lower], path)
    if (type === undefined) return []
    return [{ from: type === 'directory' ? folder : file, to: join(at, path), writable: false }]
  })
}

type Seen = { readonly merged: string } | { readonly upper: string }

/**
 * Returns the type of what stands at `path`. Undefined where the cell has put another thing in its way before: then
 * nothing of it is seen.
 */
function typeOf(layers: readonly string[], path: string): 'file' | 'directory' | undefined {
  const parts = path.split('/')
  for (let i = 1; i <= parts.length; i++) {
    const part = join(...parts.slice(0, i))
    const [stats] = layers.flatMap((layer) => lstatSync(join(layer, part), { throwIfNoEntry: false }) ?? [])
    // A link, or a whiteout of overlayfs.
    if (stats === undefined || !(stats.isFile() || stats.isDirectory())) return undefined
    if (i === parts.length) return stats.isFile() ? 'file' : 'directory'
    if (!stats.isDirectory()) return undefined
  }
  return undefined
}
