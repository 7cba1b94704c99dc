import { createHash } from 'node:crypto'
import { lstatSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import type { Problem, Result } from '../model/index.ts'
import type { PolicyBundle } from '../policy/index.ts'

/** Changes whenever what a bundle holds does; with Cedar's version, since its JSON is in it. */
const FORMAT = 'firebreak 0.1.0, cedar-wasm 4.13.0'

/**
 * Policies that were parsed and validated before, exactly these, need not be again: Cedar's library takes longer to load
 * than everything else that a start does. Kept in the state's own directory, which only the warden's user can write;
 * named by a digest of all that the parse depends on. Whatever is odd about the file means that policies are parsed.
 */
export async function parseOnce(
  stateDirectory: string,
  inputs: unknown,
  parse: () => Promise<Result<PolicyBundle, readonly Problem[]>>,
): Promise<Result<PolicyBundle, readonly Problem[]>> {
  const text = JSON.stringify(inputs, (_, value: unknown) => plain(value))
  const digest = createHash('sha256').update(FORMAT).update('\0').update(text).digest('hex')
  const file = join(stateDirectory, 'policies.json')
  const kept = readKept(file, digest)
  if (kept !== undefined) return { ok: true, value: kept }
  const parsed = await parse()
  if (parsed.ok) keep(stateDirectory, file, { digest, bundle: parsed.value })
  return parsed
}

function readKept(file: string, digest: string): PolicyBundle | undefined {
  try {
    const { uid, mode } = lstatSync(file)
    if (uid !== process.getuid?.() || (mode & 0o022) !== 0) return undefined
    const kept = JSON.parse(readFileSync(file, 'utf8')) as { readonly digest?: string; readonly bundle: PolicyBundle }
    return kept.digest === digest ? kept.bundle : undefined
  } catch {
    return undefined
  }
}

function keep(directory: string, file: string, kept: { readonly digest: string; readonly bundle: PolicyBundle }): void {
  try {
    mkdirSync(directory, { recursive: true, mode: 0o711 })
    writeFileSync(`${file}.new`, JSON.stringify(kept), { mode: 0o600 })
    renameSync(`${file}.new`, file)
  } catch {
    // The next start parses again.
  }
}

function plain(value: unknown): unknown {
  if (typeof value === 'bigint') return value.toString()
  if (value instanceof Map) return [...value]
  if (value instanceof Set) return [...value]
  return value
}
