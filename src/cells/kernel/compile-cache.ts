import { join } from 'node:path'

/**
 * The environment of our own processes, as `bin/firebreak` has it: compiled code, loaded before one of them becomes
 * another uid. A process that finds a module missing there loads Node's TypeScript parser, for a tenth of a second.
 */
export const COMPILED: { readonly NODE_COMPILE_CACHE: string } = {
  NODE_COMPILE_CACHE: join(import.meta.dirname, '..', '..', '..', 'node_modules', '.cache', 'firebreak'),
}
