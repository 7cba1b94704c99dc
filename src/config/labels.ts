import { basename, resolve } from 'node:path'
import { type Label, UNTRUSTED } from '../model/index.ts'
import type { CellConfig } from './config.ts'

/**
 * Returns the labels that a cell begins with. What `labels:` says is believed; where it says nothing, a workspace is
 * untrusted, and so are files and a standard input that may be data: all but the program itself and what lies around it.
 *
 * @param command what its cell is going to run.
 * @param input whether something is piped into it.
 */
export function labelsAtStart(
  cell: Pick<CellConfig, 'workspace' | 'files' | 'labels' | 'labelled'>,
  command: readonly string[],
  input: boolean = false,
): readonly Label[] {
  if (cell.labelled) return cell.labels
  const data = [...cell.files].some(([place, from]) => !isProgram(place, from, command))
  return cell.workspace !== undefined || data || input ? [UNTRUSTED] : []
}

/**
 * Tells whether a shown file is a program and no data: of the host itself, where only root writes; named by the
 * command; or packages.
 */
function isProgram(place: string, from: string, command: readonly string[]): boolean {
  if (SYSTEM.some((directory) => from.startsWith(directory))) return true
  if (PACKAGES.has(basename(place))) return true
  return command.some((word) => {
    const named = word.startsWith('/') ? resolve(word) : word
    return named === place || named.startsWith(`${place.replace(/\/$/, '')}/`) || basename(place) === named
  })
}

const SYSTEM = ['/usr/', '/bin/', '/sbin/', '/lib/', '/lib64/', '/etc/', '/opt/', '/nix/', '/snap/']
const PACKAGES = new Set(['node_modules', 'site-packages', 'dist-packages', '.venv', 'venv', 'node', 'python3'])
