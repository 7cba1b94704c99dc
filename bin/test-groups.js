// Which test files share a process. Plain JavaScript for any Node from 20, as what runs it.
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { pathToFileURL } from 'node:url'

/**
 * What keeps a test file from sharing a process: a hook of the whole file, which would be one of every file in it, or this
 * sentence at its top, with the reason.
 */
const ALONE = /^(before|after)(Each)?\(|^\/\/ In a process of its own: /m

/** Returns the test files under a directory, in the order of their names. */
export function testFilesUnder(directory) {
  return readdirSync(directory, { recursive: true })
    .filter((name) => name.endsWith('.test.ts'))
    .toSorted()
    .map((name) => join(directory, name))
}

/**
 * Returns at most `count` groups of files that may share a process, and the files that may not. Neighbours stay together:
 * they load the same modules. Groups are of much the same size, by the length of their files.
 */
export function groupsOf(files, count) {
  const read = files.map((file) => ({ file, text: readFileSync(file, 'utf8') }))
  const alone = read.filter(({ text }) => ALONE.test(text)).map(({ file }) => file)
  const sharing = read.filter(({ text }) => !ALONE.test(text))
  const share = sharing.reduce((sum, { text }) => sum + text.length, 0) / count
  const groups = Array.from({ length: count }, () => [])
  let before = 0
  for (const { file, text } of sharing) {
    groups[Math.min(count - 1, Math.floor(before / share))].push(file)
    before += text.length
  }
  return { alone, groups: groups.filter((group) => group.length > 0) }
}

/** Writes a file for each group that loads its tests, called after its first one; returns their paths. */
export function writeGroups(groups, directory, root) {
  rmSync(directory, { recursive: true, force: true })
  mkdirSync(directory, { recursive: true })
  return groups.map((group, index) => {
    const [first = ''] = group
    const path = join(directory, `${index + 1}-from-${relative(root, first).replaceAll('/', '-')}.mjs`)
    writeFileSync(path, group.map((file) => `import ${JSON.stringify(pathToFileURL(file).href)}\n`).join(''))
    return path
  })
}
