import { createHash } from 'node:crypto'
import {
  closeSync,
  constants,
  fstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { basename, dirname, join } from 'node:path'
import process from 'node:process'
import { fileURLToPath } from 'node:url'
import { type Problem, parseJson, type Result } from '../../model/index.ts'
import type { PolicyBundle } from '../../policy/index.ts'

/**
 * Policies that were parsed and validated before, exactly these and by exactly this code, need not be again: Cedar's
 * library takes longer to load than everything else that a start does. Kept in the state's own directory, which only the
 * warden's user can write; named by a digest of all that the parse depends on. Whatever is odd about the file means that
 * policies are parsed.
 */
export async function parseOnce(
  stateDirectory: string,
  inputs: unknown,
  parse: () => Promise<Result<PolicyBundle, readonly Problem[]>>,
  codeName: () => string | undefined = codeDigest,
): Promise<Result<PolicyBundle, readonly Problem[]>> {
  const code = codeName()
  if (code === undefined) return parse()
  const name = sha256Hex(`${code}\0${JSON.stringify(inputs, (_, value: unknown) => plain(value))}`)
  const file = join(stateDirectory, 'policies.json')
  const kept = readKept(file, name)
  if (kept !== undefined) return { ok: true, value: kept }
  const parsed = await parse()
  if (parsed.ok) keep(stateDirectory, file, name, parsed.value)
  return parsed
}

/**
 * Returns the digest of the code that makes a bundle of policies, by its bytes: our rooms that the parser is made of, Cedar's
 * version, and Node's. Size and time of a file say too little: a checkout of another version may have the same ones.
 * Undefined where the code cannot be read; then nothing is kept.
 */
export function codeDigest(source: string = join(import.meta.dirname, '..', '..')): string | undefined {
  const hash = createHash('sha256').update(process.version)
  try {
    for (const file of [...codeFiles(source), cedarPackage()]) {
      const text = readFileSync(file)
      // With its length, so that no text can pass from one file to the next unseen.
      hash.update(`\0${basename(file)}\0${text.length}\0`).update(text)
    }
    return hash.digest('hex')
  } catch {
    return undefined
  }
}

/** The policy room and the model it is written in: it imports nothing else (`test/tidy.test.ts`). */
export function codeFiles(source: string): readonly string[] {
  return ['model', 'policy'].flatMap((room) =>
    readdirSync(join(source, room), { recursive: true, encoding: 'utf8' })
      .filter((name) => /\.[jt]s$/.test(name) && !/\.test\./.test(name))
      .sort()
      .map((name) => join(source, room, name)),
  )
}

/** Holds its version; npm's lockfile pins the bytes that belong to it. */
function cedarPackage(): string {
  return join(dirname(fileURLToPath(import.meta.resolve('@cedar-policy/cedar-wasm/nodejs'))), 'package.json')
}

/** Writes its name, the digest of what follows, and what follows: a bundle of which one bit has changed is none. */
function readKept(file: string, name: string): PolicyBundle | undefined {
  try {
    const fd = openSync(file, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
    try {
      const { uid, mode } = fstatSync(fd)
      if (uid !== process.getuid?.() || (mode & 0o022) !== 0) return undefined
      const [keptName, digest, ...bundle] = readFileSync(fd, 'utf8').split('\n')
      if (keptName !== name || digest !== sha256Hex(bundle.join('\n'))) return undefined
      return parseJson(bundle.join('\n')) as unknown as PolicyBundle // as `keep` wrote it, by its digest
    } finally {
      closeSync(fd)
    }
  } catch {
    return undefined
  }
}

function keep(directory: string, file: string, name: string, bundle: PolicyBundle): void {
  try {
    const text = JSON.stringify(bundle)
    mkdirSync(directory, { recursive: true, mode: 0o711 })
    // A file of ours, and never through a link that somebody has left there.
    rmSync(`${file}.new`, { force: true })
    writeFileSync(`${file}.new`, `${name}\n${sha256Hex(text)}\n${text}`, { mode: 0o600, flag: 'wx' })
    renameSync(`${file}.new`, file)
  } catch {
    // The next start parses again.
  }
}

function sha256Hex(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}

function plain(value: unknown): unknown {
  if (typeof value === 'bigint') return value.toString()
  if (value instanceof Map) return [...value]
  if (value instanceof Set) return [...value]
  return value
}
