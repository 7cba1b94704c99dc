import { randomBytes } from 'node:crypto'
import { basename, join } from 'node:path'
import type { FileSpec } from '../../spec.ts'
import { writeTexts } from '../launch/text-files.ts'

/**
 * Files of one cell's own that nobody should open, to be shown at these places. Each looks like what its name promises,
 * and opens nothing anywhere.
 */
export function plantDecoys(paths: readonly string[], directory: string): readonly FileSpec[] {
  return writeTexts(
    paths.map((to) => ({ to, text: baitFor(to) })),
    join(directory, 'decoys'),
  )
}

function baitFor(path: string): string {
  if (!/(?:^id_\w+|\.pem|\.key)$/.test(basename(path)))
    return `[default]\nkey_id = ${randomBytes(10).toString('hex')}\nsecret = ${randomBytes(20).toString('hex')}\n`
  const lines =
    randomBytes(270)
      .toString('base64')
      .match(/.{1,70}/g) ?? []
  return ['-----BEGIN OPENSSH PRIVATE KEY-----', ...lines, '-----END OPENSSH PRIVATE KEY-----', ''].join('\n')
}
