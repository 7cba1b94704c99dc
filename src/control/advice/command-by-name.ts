import { realpathSync } from 'node:fs'
import { join } from 'node:path'
import type { Agent } from '../../config/config.ts'
import { onPath } from '../../host/programs/places.ts'

/**
 * Returns a command as an agent's cell starts it. A person names a program as they do on this host (`pi`); where that is the
 * program of the agent's own command, it is started as that command does: by its interpreter, from the place at which the
 * cell sees it.
 */
export function commandByName(
  words: readonly string[],
  { command, cell }: Pick<Agent, 'command' | 'cell'>,
  path: string,
): readonly string[] {
  const [program = '', ...args] = words
  if (program.includes('/')) return words
  const meant = realOf(onPath(program, path))
  if (meant === undefined) return words
  const at = command.findIndex((word) => word.startsWith('/') && realOf(hostPathOf(word, cell.files)) === meant)
  // Past its interpreter and its script, a word is an argument.
  return at < 0 || at > 1 ? words : [...command.slice(0, at + 1), ...args]
}

/** Returns the path on this host of a place in a cell. */
function hostPathOf(place: string, files: ReadonlyMap<string, string>): string {
  let found: readonly [string, string] | undefined
  for (const [to, from] of files)
    if ((place === to || place.startsWith(`${to}/`)) && to.length > (found?.[0].length ?? -1)) found = [to, from]
  return found === undefined ? place : join(found[1], place.slice(found[0].length))
}

function realOf(path: string | undefined): string | undefined {
  try {
    return path === undefined ? undefined : realpathSync(path)
  } catch {
    return undefined
  }
}
