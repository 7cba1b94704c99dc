import type { ProgramName } from '../../src/model/host/program-file.ts'

/** Tells whether a command line is of a program of ours, out of its sources or bundled. */
export function runsProgram(commandLine: string, program: ProgramName): boolean {
  return commandLine.includes(`/${program}.ts`) || commandLine.includes(`/${program.replaceAll('/', '-')}.js`)
}
