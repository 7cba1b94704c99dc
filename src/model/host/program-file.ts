import { basename, dirname, join, relative } from 'node:path'
import process from 'node:process'

/** Programs of ours that are started by themselves; `bin/build.js` bundles each. */
export const PROGRAMS = [
  'cli/main',
  'gateway/main',
  'gateway/inspect-main',
  'gateway/protocols/model/model-worker-main',
  'gateway/protocols/package/lists/package-worker-main',
  'ledger/seal/witness-main',
  'cells/linux/streams/pump-main',
  'cells/linux/network/listener-main',
] as const

export type ProgramName = (typeof PROGRAMS)[number]

/** Firebreak's own directory, with `bin`, `src` and `node_modules`. */
const ROOT = rootOf(import.meta.dirname)

/**
 * Directory of the bundle that this process runs from, whose files lie beside each other; absent where it runs sources.
 * Tests run sources, and name the bundle of these in `FIREBREAK_BUNDLE`: what they start is what a person starts.
 */
const BUNDLE: string | undefined = import.meta.filename.endsWith('.ts')
  ? process.env.FIREBREAK_BUNDLE
  : import.meta.dirname

/** Returns a program's file as this process's own code has it, bundled or not, relative to Firebreak's own directory. */
export function programFile(name: ProgramName): string {
  return BUNDLE === undefined
    ? join('src', `${name}.ts`)
    : relative(ROOT, join(BUNDLE, `${name.replaceAll('/', '-')}.js`))
}

/** Returns the absolute path of a program's file. */
export function programPath(name: ProgramName): string {
  return join(ROOT, programFile(name))
}

/** Returns the directory with the programs of helper cells, `diff-main` and `land-main`, and how their files end. */
export function helperPrograms(sources: string): { readonly directory: string; readonly ending: '.ts' | '.js' } {
  return BUNDLE === undefined
    ? { directory: sources, ending: '.ts' }
    : { directory: join(BUNDLE, 'inside'), ending: '.js' }
}

function rootOf(directory: string): string {
  return basename(directory) === 'host' && basename(dirname(directory)) === 'model'
    ? join(directory, '..', '..', '..')
    : join(directory, '..', '..', '..', '..', '..')
}
