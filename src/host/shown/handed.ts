import type { CellConfig } from '../../config/config.ts'

/** All that a launch hands to a cell. */
export interface Handed extends Pick<CellConfig, 'root' | 'workspace' | 'files' | 'hide'> {
  /** Texts, with the words for each that a person reads. */
  readonly texts?: readonly (readonly [what: string, text: string])[]
  /** Secrets that it is given anyway. */
  readonly given?: readonly string[]
}

/** Returns the texts that a cell is started with. */
export function textsOf(
  command: readonly string[],
  variables: Iterable<readonly [name: string, value: string]>,
  { cwd = '', files }: Pick<CellConfig, 'cwd' | 'files'>,
): NonNullable<Handed['texts']> {
  return [
    ['its command', command.join('\0')],
    ...[...variables].map(([name, value]) => [`its variable ${name}`, `${name}=${value}`] as const),
    ['a place of its files', [cwd, ...files.keys()].join('\0')],
  ]
}
