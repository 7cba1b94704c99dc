/** Many commands of one cell, each told apart in what the cell says: one start for all of them. */

/** Returns a script of a shell that makes each attempt, whatever becomes of the others. `after`: what each ends with. */
export function scriptOf(attempts: Readonly<Record<string, string>>, after = 'echo'): string {
  return Object.entries(attempts)
    .map(([name, command]) => `echo "@@${name}"; { ${command}; } 2>&1; ${after}`)
    .join('\n')
}

/** Returns what each attempt said, by its name. */
export function saidIn(stdout: string): Readonly<Record<string, string>> {
  return Object.fromEntries(
    stdout
      .split('@@')
      .slice(1)
      .map((part) => [part.slice(0, part.indexOf('\n')), part.slice(part.indexOf('\n') + 1).trim()]),
  )
}
