/** docs/SECCOMP.md, from the table. `node src/cells/linux/seccomp/document.ts` writes it; a test fails while it is stale. */
import { writeFileSync } from 'node:fs'
import { ERRNO } from './errno.ts'
import { type Group, type SeccompAction, TABLE, UNKNOWN } from './table.ts'

export const DOCUMENT_PATH = new URL('../../../../docs/SECCOMP.md', import.meta.url)

export function seccompDocument(): string {
  return `# The system calls of a cell

Generated from \`src/cells/linux/seccomp/table.ts\`; do not edit. The same filter is loaded before the first instruction of
every cell, is inherited by all it forks, and cannot be taken off. Its digest stands in every launch receipt.

- Calls of another architecture, and of x32, end the process.
- Of an argument, the bits that the kernel looks at are compared: the low 32 of an \`int\`.
- A call that no line names, one that a later kernel adds included: ${actionText(UNKNOWN)}.
- x86-64 kernels from 6.13 on lead \`uretprobe\` (335) and \`uprobe\` (336) past every filter: they do nothing but where root
  has set a probe.

${TABLE.map(groupText).join('\n')}`
}

function groupText({ title, why, rule, names }: Group): string {
  const clauses = rule.clauses.map((clause) => `- ${clause.reads}: ${actionText(clause.do)}\n`).join('')
  const otherwise = rule.clauses.length === 0 ? actionText(rule.otherwise) : `otherwise ${actionText(rule.otherwise)}`
  return `## ${title}

${why}

${clauses}- ${otherwise}

${names.map((name) => `\`${name}\``).join(' ')}
`
}

function actionText(action: SeccompAction): string {
  switch (action.kind) {
    case 'allow':
      return '**allowed**'
    case 'kill':
      return 'ends the process'
    case 'errno': {
      if (action.errno === 0) return 'answered with success, and not done'
      const name = Object.entries(ERRNO).find(([, value]) => value === action.errno)?.[0]
      return `refused with ${name ?? action.errno}`
    }
  }
}

if (import.meta.main) writeFileSync(DOCUMENT_PATH, seccompDocument())
