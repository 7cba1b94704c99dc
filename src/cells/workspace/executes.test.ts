import assert from 'node:assert/strict'
import { it } from 'node:test'
import { executesOnHost } from './executes.ts'

it('what a host would run by itself needs a person', () => {
  const paths = [
    '.git/config',
    '.git/hooks/pre-commit',
    'vendor/lib/.git/config',
    '.git',
    '.envrc',
    'package.json',
    'packages/a/package.json',
    '.vscode/tasks.json',
    'Makefile',
    '.npmrc',
    '.github/workflows/ci.yml',
    '.devcontainer/devcontainer.json',
    '.pre-commit-config.yaml',
    'project.code-workspace',
    '.mise.toml',
    '.tool-versions',
    'vite.config.ts',
    '.claude/settings.json',
    'AGENTS.md',
    'conftest.py',
    'node_modules/x/index.js',
    '.husky/pre-push',
    'Jenkinsfile',
    'Cargo.toml',
    '.bashrc',
    'firebreak.yaml',
    'infra/main.tf',
    '.gdbinit',
    'Package.swift',
    'mix.exs',
    '.eslintrc',
    '.kiro/steering.md',
    '.bash_aliases',
    'Gulpfile.ts',
    'uv.lock',
  ]
  assert.deepEqual(
    executesOnHost(paths).map(({ path }) => path),
    paths,
  )
})

it('names that only look different need one, too', () => {
  const paths = ['.GIT/config', '.g\u200cit/config', 'git~1/config', 'PACKAGE.JSON', 'Package.json.', '.ｇit/config']
  assert.deepEqual(
    executesOnHost(paths).map(({ path }) => path),
    paths,
  )
})

it('plain sources do not', () => {
  assert.deepEqual(
    executesOnHost(['src/main.ts', 'README.md', 'docs/guide.md', 'data/git.txt', 'src/package/json.ts', 'gitignore']),
    [],
  )
})
