import type { Problem } from '../model/index.ts'
import type { CellConfig, Profile } from './config.ts'
import type { ShapedCell } from './schema.ts'

/**
 * Returns when the files of a cell's workspace are saved, and which of its changes land without a person who lists
 * them.
 */
export function wayBack(
  { workspace, checkpoints, commit }: ShapedCell,
  profile: Profile | undefined,
  report: (problem: Problem) => void,
): Pick<CellConfig, 'checkpoints' | 'commit'> {
  for (const [key, found] of Object.entries({ checkpoints, commit })) {
    if (found === undefined || workspace !== undefined) continue
    const message = `"${key}" of a cell without files of its own`
    report({ source: found.source, message, expected: 'a workspace' })
  }
  if (checkpoints !== undefined && profile === 'user') {
    const message = '"checkpoints" under profile "user", which keeps changes in no disk image of their own'
    report({ source: checkpoints.source, message, expected: 'profile: full, or no checkpoints' })
  }
  const { every, keep, size, before, required } = checkpoints?.value ?? {}
  if (checkpoints !== undefined && required !== undefined && before === undefined)
    report({ source: checkpoints.source, message: '"required" without "before"', expected: 'before: [irreversible]' })
  return {
    ...(checkpoints && {
      checkpoints: {
        ...(every !== undefined && { everyMs: every }),
        ...(keep !== undefined && { keep }),
        ...(size !== undefined && { bytesMax: size }),
        beforeIrreversible: before?.includes('irreversible') ?? false,
        required: required ?? true,
      },
    }),
    ...(commit && { commit: { allow: commit.value.allow ?? [], never: commit.value.never ?? [] } }),
  }
}
