export function testFilesUnder(directory: string): readonly string[]
export function groupsOf(
  files: readonly string[],
  count: number,
): { readonly alone: readonly string[]; readonly groups: readonly (readonly string[])[] }
export function writeGroups(groups: readonly (readonly string[])[], directory: string, root: string): readonly string[]
