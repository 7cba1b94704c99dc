/* One-off, for the next change: `node test/house/move/move.mjs .`, then `node test/house/move/hand.mjs`, then `npm run format`.
   Goes with the move itself. */
// Moves files by map.mjs with `git mv` and rewrites every relative specifier and every `src/…` path.
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join, normalize, relative, resolve } from 'node:path'
import { folders, rooms } from './map.mjs'

const root = resolve(process.argv[2])
process.chdir(root)
const git = (...a) => execFileSync('git', a, { encoding: 'utf8', maxBuffer: 1 << 28 })
const tracked = git('ls-files').split('\n').filter(Boolean)
const to = new Map()
for (const [room, targets] of Object.entries(rooms))
  for (const [folder, names] of Object.entries(targets))
    for (const name of names.split(' ').filter(Boolean)) {
      let any = false
      for (const suffix of /\.(js|d\.ts)$/.test(name) ? [''] : ['.ts', '.test.ts']) {
        const from = `src/${room}/${name}${suffix}`
        if (tracked.includes(from)) {
          to.set(from, normalize(`src/${folder}/${name}${suffix}`))
          any = true
        }
      }
      if (!any) console.log('no such file:', room, name)
    }
for (const [from, target] of Object.entries(folders))
  for (const f of tracked.filter((t) => t.startsWith(`src/${from}/`)))
    to.set(f, normalize(`src/${target}/${f.slice(`src/${from}/`.length)}`))
const flat = {}
for (const f of tracked.filter((t) => t.startsWith('src/'))) {
  const n = to.get(f) ?? f
  if (!n.endsWith('.test.ts')) flat[dirname(n)] = (flat[dirname(n)] ?? 0) + 1
}
if (process.argv[3] === '--plan') {
  for (const r of ['gateway', 'policy', 'ledger', 'cells', 'control'])
    console.log(
      'stays in',
      `${r}:`,
      tracked
        .filter((t) => dirname(t) === `src/${r}` && !to.has(t))
        .map((t) => t.split('/').pop())
        .join(' '),
    )
  console.log(flat)
  process.exit()
}
for (const [from, target] of to) {
  mkdirSync(dirname(target), { recursive: true })
  git('mv', from, target)
}
const back = new Map([...to].map(([a, b]) => [b, a]))
const now = git('ls-files').split('\n').filter(Boolean)
const hand = []
for (const file of now) {
  if (
    !/\.(ts|js|mjs|json|md|yaml|yml|sh|toml)$|\.ci\/|bin\//.test(file) ||
    file.startsWith('package-lock') ||
    file.startsWith('test/house/move/')
  )
    continue
  const old = back.get(file) ?? file
  const text = readFileSync(file, 'utf8')
  let out = text
  if (/\.(ts|js|mjs)$/.test(file)) {
    out = out.replace(/(['"`])(\.{1,2}\/[^'"`\s${}]*)\1/g, (whole, q, spec) => {
      const target = normalize(join(dirname(old), spec))
      const moved = to.get(target) ?? (existsSync(join(root, target)) || tracked.includes(target) ? target : undefined)
      if (moved === undefined) return whole
      if (!tracked.includes(target) && !existsSync(target)) return whole
      let r = relative(dirname(file), moved)
      if (!r.startsWith('.')) r = `./${r}`
      return `${q}${r}${q}`
    })
  }
  out = out.replace(
    /\bsrc\/[A-Za-z0-9_\-./]*[A-Za-z0-9_-]/g,
    (p) => to.get(p) ?? (to.has(`${p}.ts`) ? to.get(`${p}.ts`).replace(/\.ts$/, '') : p),
  )
  if (/\.(ts|js|mjs)$/.test(file))
    out.split('\n').forEach((l, i) => {
      if (/import\.meta\.(dirname|url|filename|resolve)|'src'|"src"|src\/(gateway|policy|control|cells|ledger)/.test(l))
        hand.push(`${file}:${i + 1}: ${l.trim()}`)
    })
  if (/\.(md|yaml|json)$|\.ci/.test(file))
    for (const m of out.matchAll(/src\/[A-Za-z0-9_\-./*{},]+/g))
      if (!existsSync(m[0].replace(/[.,]+$/, ''))) hand.push(`${file}: ${m[0]}`)
  if (out !== text) writeFileSync(file, out)
}
writeFileSync('/tmp/by-hand.txt', hand.join('\n'))
console.log('moved', to.size, 'to look at by hand', hand.length)
