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
    'notes/.hg/hgrc',
    '.jj/repo/config.toml',
    'lefthook-local.yml',
    'lib/python3.13/site-packages/x.py',
    '__pycache__/main.cpython-313.pyc',
    'x.pth',
    '.pythonstartup',
    'pyvenv.cfg',
    'pytest.ini',
    '.pylintrc',
    '.rspec',
    '.Rprofile',
    '.Renviron',
    '.irbrc',
    '.iex.exs',
    '.yarnrc.yml',
    '.pnp.cjs',
    'go.mod',
    '.luarc.json',
    '.clangd',
    '.bsp/sbt.json',
    '.run/App.run.xml',
    '.emacs.d/init.el',
    '.helix/config.toml',
    '.zed/settings.json',
    '.gitpod.yml',
    'CLAUDE.local.md',
    'docs/agents.shop.md',
    '.cursor/mcp.json',
    '.github/copilot-instructions.md',
    'rules/shop.mdc',
    '.junie/guidelines.md',
    'units/x.socket',
    'a.desktop',
    'b.lnk',
    'autorun.inf',
    '.config/environment.d/x.conf',
    'crontab',
  ]
  assert.deepEqual(
    executesOnHost(paths).map(({ path }) => path),
    paths,
  )
})

it('names that only look different need one, too', () => {
  const paths = [
    '.GIT/config',
    '.g\u200cit/config',
    'git~1/config',
    'PACKAGE.JSON',
    'Package.json.',
    '.ｇit/config',
    '.gіt/config',
    'Мakefile',
    '.git::$INDEX_ALLOCATION/config',
    '.g\u3164it/config',
    '.envrc:x',
  ]
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
