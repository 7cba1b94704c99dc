/** Loaded first in the process of a trial, and in its workers: serves one file with its mutant in it. */
import { readFileSync } from 'node:fs'
import { registerHooks } from 'node:module'
import { join } from 'node:path'
import process from 'node:process'
import { pathToFileURL } from 'node:url'
import { isMainThread } from 'node:worker_threads'
import { type Mutant, mutate } from './mutant.ts'

const { FIREBREAK_MUTANT, FIREBREAK_SEED } = process.env

if (FIREBREAK_MUTANT !== undefined) {
  const mutant = JSON.parse(FIREBREAK_MUTANT) as Mutant
  const path = join(import.meta.dirname, '..', '..', mutant.file)
  const mutated = pathToFileURL(path).href
  registerHooks({
    load: (url, context, next) => {
      if (url !== mutated) return next(url, context)
      const source = mutate(readFileSync(path, 'utf8'), mutant)
      return { format: 'module-typescript', source, shortCircuit: true }
    },
  })
}

// The same cases on every run; and a counterexample is enough, it need not be the smallest.
if (isMainThread && FIREBREAK_SEED !== undefined) {
  const { configureGlobal } = await import('fast-check')
  configureGlobal({ seed: Number(FIREBREAK_SEED), endOnFailure: true })
}
