/** `firebreak init --for`, as somebody with a repository and an agent uses it. The agent is a script of that name. */
import assert from 'node:assert/strict'
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { SKIP, startFirebreak } from '../kit/command-line.ts'
import { temporaryDirectory } from '../kit/temporary.ts'

const AGENT = `#!/bin/sh
echo "args $*"
echo "key $ANTHROPIC_API_KEY"
cat "$HOME/.claude.json"
echo changed > "$HOME/.claude.json" && echo "home may change"
cat /workspace/note.txt
curl -sS -m 10 -w ' [%{http_code}]' -H 'content-type: application/json' -d '{"model":"gpt-5"}' https://api.anthropic.com/v1/messages
`

describe('firebreak init --for', { skip: SKIP }, () => {
  const directory = temporaryDirectory()
  const repository = join(directory, 'shop')
  const bin = join(directory, 'bin')
  for (const each of [repository, bin]) mkdirSync(each)
  writeFileSync(join(repository, 'note.txt'), 'the note\n')
  writeFileSync(join(bin, 'claude'), AGENT)
  chmodSync(join(bin, 'claude'), 0o755)
  const firebreak = (...words: string[]) =>
    startFirebreak(words, {
      environment: { PATH: `${bin}:${process.env.PATH}`, ANTHROPIC_API_KEY: 'sk-ant-the-real-key-0123456789' },
      cwd: repository,
    }).ended

  it('writes beside the repository what lets an agent run by its own name, with a dummy for its key', async () => {
    const made = await firebreak('init', '--for', 'claude')
    assert.equal(made.code, 0, made.stderr)
    assert.match(made.stdout, /may ask anthropic’s models for 20 USD a day/)
    assert.ok(existsSync(join(directory, 'shop.firebreak', 'firebreak.yaml')))
    assert.ok(!existsSync(join(repository, 'firebreak.yaml')))
    const ran = await firebreak('run', '--', 'claude', '-p', 'hello')
    assert.equal(ran.code, 0, ran.stderr)
    assert.match(ran.stdout, /^args -p hello$/m)
    assert.match(ran.stdout, /^key sk-ant-dummy/m)
    assert.match(ran.stdout, /"hasCompletedOnboarding": true/)
    assert.match(ran.stdout, /^home may change$/m)
    assert.match(ran.stdout, /^the note$/m)
    assert.match(ran.stdout, /gpt-5.*none of those that anthropic may be asked.*\[400\]/)
    assert.doesNotMatch(ran.stdout, /the-real-key/)
    const home = join(directory, 'shop.firebreak', 'home', '.claude.json')
    assert.match(readFileSync(home, 'utf8'), /hasCompletedOnboarding/)
  })

  it('doctor looks at it from the repository, as run does, and misses a key that is not there', async () => {
    const looked = await startFirebreak(['doctor', '--quick'], {
      environment: { PATH: `${bin}:${process.env.PATH}` },
      cwd: repository,
    }).ended
    assert.match(looked.stdout, /ANTHROPIC_API_KEY/)
    assert.notEqual(looked.code, 0)
  })

  it('knows some, and says of any other what to give instead', async () => {
    const made = await firebreak('init', '--for', 'clippy', 'elsewhere')
    assert.equal(made.code, 2)
    assert.match(made.stderr, /"clippy" is none of claude, codex, pi, opencode, gemini/)
    assert.ok(!existsSync(join(repository, 'elsewhere')))
  })
})
