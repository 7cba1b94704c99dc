import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import process from 'node:process'

/** Words after the program of each agent that people have: one task, no questions, and a model that costs little. */
export const AGENT_WORDS: Readonly<Record<string, (task: string) => readonly string[]>> = {
  claude: (task) => ['-p', task, '--model', 'claude-haiku-4-5', '--permission-mode', 'bypassPermissions'],
  codex: (task) => ['exec', '--skip-git-repo-check', task],
  pi: (task) => ['-p', task, '--model', 'anthropic/claude-haiku-4-5'],
  opencode: (task) => ['run', '--auto', task, '--model', 'anthropic/claude-haiku-4-5'],
  gemini: (task) => ['-p', task, '--yolo', '-m', 'gemini-2.5-flash'],
}

/** The example's own. */
export const OWN = 'own'

/** Returns the first of them that this host has; `own` where it has none. */
export function foundAgent(path = process.env.PATH ?? ''): string {
  const has = (name: string) => path.split(delimiter).some((folder) => existsSync(join(folder, name)))
  return Object.keys(AGENT_WORDS).find(has) ?? OWN
}
