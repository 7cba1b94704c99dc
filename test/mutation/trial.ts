/** One mutant against one test file, in a process of its own. */
import { spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import { makeChunk } from '../policy/differential/chunk.ts'
import { Oracle } from '../policy/differential/oracle.ts'
import { Random } from '../policy/differential/random.ts'
import { ROOT } from './core.ts'
import type { Mutant } from './mutant.ts'
import { type RunCode, runCode } from './run-code.ts'

export interface Trial {
  /** `spent`: it used up its time on the processor. */
  readonly outcome: 'passed' | 'failed' | 'spent'
  readonly ms: number
}

/** What `differential.test.ts` compares in 10,000 pairs and 7,500 values is compared here in a few of each. */
const CEDAR_CASES = { sets: 150, requestsPerSet: 20, expressions: 1_400 }

/** A mutant that fills the memory has been noticed, and must not take the machine with it. */
const HEAP_MIB_MAX = 768

/** For a test without a mutant. */
export const OBSERVED_SECONDS_MAX = 120

/** Of a test that waits for what never comes. Everything else is measured on the processor, whoever else uses it. */
const WAIT_MS_MAX = 300_000

export class Laboratory {
  readonly #directory: string
  readonly #seed: number
  readonly #env: NodeJS.ProcessEnv

  /** In a directory that the caller removes. */
  constructor(directory: string, seed: number) {
    this.#directory = directory
    this.#seed = seed
    for (const name of ['tmp', 'cedar-answers']) mkdirSync(join(directory, name))
    this.#env = {
      ...process.env,
      FIREBREAK_SEED: String(seed),
      // The number of runs by which its score is known.
      LONG_RUNS: '1',
      SEED: String(seed),
      FIREBREAK_CEDAR_CASES: this.#cedarCases,
      FIREBREAK_CEDAR_ANSWERS: join(directory, 'cedar-answers'),
      NODE_COMPILE_CACHE: join(directory, 'compiled'),
      TMPDIR: join(directory, 'tmp'),
    }
  }

  get #cedarCases(): string {
    return join(this.#directory, 'cedar-cases.json')
  }

  /** What `as-cedar.ts` compares with. */
  async askCedar(): Promise<void> {
    await using oracle = new Oracle()
    writeFileSync(this.#cedarCases, JSON.stringify(await makeChunk(new Random(this.#seed), oracle, CEDAR_CASES)))
  }

  /** Without a mutant it shows that the test passes, and how long that takes. */
  try(test: string, limitSeconds: number, mutant?: Mutant): Promise<Trial> {
    return this.#run(test, limitSeconds, { ...(mutant && { FIREBREAK_MUTANT: JSON.stringify(mutant) }) })
  }

  /** Which code a test runs; undefined where it fails. */
  async observe(test: string): Promise<RunCode | undefined> {
    const directory = mkdtempSync(join(this.#directory, 'observed-'))
    // Code that comes out of the cache is counted less exactly.
    const env = { NODE_V8_COVERAGE: directory, NODE_COMPILE_CACHE: undefined }
    const { outcome } = await this.#run(test, OBSERVED_SECONDS_MAX, env)
    const runs = outcome === 'passed' ? runCode(directory) : undefined
    rmSync(directory, { recursive: true })
    return runs
  }

  #run(test: string, limitSeconds: number, env: NodeJS.ProcessEnv): Promise<Trial> {
    const beganMs = performance.now()
    const node = [
      process.execPath,
      `--max-old-space-size=${HEAP_MIB_MAX}`,
      ...['--import', join(import.meta.dirname, 'trial-setup.ts')],
      ...['--test-reporter', join(import.meta.dirname, 'first-failure.ts')],
      join(ROOT, test),
    ]
    const child = spawn('prlimit', [`--cpu=${limitSeconds}:${limitSeconds + 2}`, '--core=0', ...node], {
      cwd: ROOT,
      // Its own process group: what a test started ends with it.
      detached: true,
      stdio: 'ignore',
      env: { ...this.#env, ...env },
    })
    return new Promise((resolve, reject) => {
      const limit = setTimeout(() => endGroup(child.pid), WAIT_MS_MAX)
      child.on('error', reject)
      child.on('exit', (status, signal) => {
        clearTimeout(limit)
        endGroup(child.pid)
        const outcome = signal === 'SIGXCPU' ? 'spent' : status === 0 ? 'passed' : 'failed'
        resolve({ outcome, ms: performance.now() - beganMs })
      })
    })
  }
}

function endGroup(pid: number | undefined): void {
  if (pid === undefined) return
  try {
    process.kill(-pid, 'SIGKILL')
  } catch {
    // Nothing of it is left.
  }
}
