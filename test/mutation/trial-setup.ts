/** Loaded first in the process of a trial: serves one file with its mutant in it. */
import { readFileSync } from 'node:fs'
import { registerHooks } from 'node:module'
import { join } from 'node:path'
import process from 'node:process'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { type Mutant, mutate } from './mutant.ts'

const { FIREBREAK_MUTANT, FIREBREAK_SEED } = process.env
const urlOf = (file: string) => pathToFileURL(join(import.meta.dirname, '..', '..', file)).href
const remembering = `import { remember } from ${JSON.stringify(urlOf('test/mutation/cedar-answers.ts'))}; remember(Cedar)`

/** Whose text is served changed, and how. */
const changes = new Map([[urlOf('src/policy/cedar/load/cedar.ts'), (text: string) => `${text}\n${remembering}`]])
if (FIREBREAK_MUTANT !== undefined) {
  const mutant = JSON.parse(FIREBREAK_MUTANT) as Mutant
  changes.set(urlOf(mutant.file), (text) => mutate(text, mutant))
}
registerHooks({
  load: (url, context, next) => {
    const change = changes.get(url)
    if (change === undefined) return next(url, context)
    const source = change(readFileSync(fileURLToPath(url), 'utf8'))
    return { format: 'module-typescript', source, shortCircuit: true }
  },
})

// The same cases on every run; and a counterexample is enough, it need not be the smallest.
const { configureGlobal } = await import('fast-check')
configureGlobal({ seed: Number(FIREBREAK_SEED), endOnFailure: true })
