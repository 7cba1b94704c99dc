import assert from 'node:assert/strict'
import { it } from 'node:test'
import fc from 'fast-check'
import { executesOnHost, leastCareful } from './executes.ts'
import { RULES } from './host-names.ts'

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

it('what kin of well-known names are called, whole families of them', () => {
  const paths = [
    'rakefile.rb',
    'gems.rb',
    'gems.locked',
    '.justfile',
    'justfile',
    'taskfile.dist.yml',
    'babel.config.json',
    'jest.config.json',
    '.prettierrc.toml',
    '.prettierrc.ts',
    '.prettierrc.json5',
    '.postcssrc',
    '.postcssrc.json',
    '.mocharc.jsonc',
    '.nycrc.json',
    '.remarkrc',
    '.markdownlint-cli2.jsonc',
    'karma.conf.js',
    'angular.json',
    'nodemon.json',
    '.bazelversion',
    '.bazeliskrc',
    'BUILD',
    'rust-analyzer.toml',
    '.rust-analyzer.toml',
    'rust-project.json',
    'pylintrc.toml',
    '.pylintrc.toml',
    'tox.toml',
    'pytest.toml',
    'pixi.toml',
    'docs/conf.py',
    'mkdocs.yml',
    'gunicorn.conf.py',
    '.golangci.yml',
    '.air.toml',
    '.dir-locals-2.el',
    '.latexmkrc',
    'latexmkrc',
    '.woodpecker.yml',
    '.drone.star',
    '.drone.jsonnet',
    'action.yml',
    'Procfile.dev',
    'book.toml',
    'dvc.yaml',
    'Snakefile',
    'app.vcxproj',
    'a.slnx',
    'config.ru',
    '.release-it.json',
    '.releaserc.yml',
    '.eslintrc.jsonc',
    '.storybook/main.js',
    'main.tofu',
    'x.nomad',
    '.vimrc.local',
    '_exrc',
    'lib.just',
    'WARP.md',
    'CRUSH.md',
    'gemini-extension.json',
    '.claude-plugin/plugin.json',
    'docker-bake.json',
    'api.Dockerfile',
    'tool.config.json5',
    '.toolrc',
    '.toolrc.yaml',
  ]
  assert.deepEqual(
    executesOnHost(paths).map(({ path }) => path),
    paths,
  )
})

it('what builds, editors and tools of other languages run or load needs one, too', () => {
  const paths = `
    binding.gyp ext/common.gypi hie.yaml .formatter.exs .credo.exs .RData cabal.project.local Makefile.am configure.ac
    BUCK .busted .solargraph.yml .standard.yml .tflint.hcl .ghcid dist.ini devspace.yaml Session.vim ext/extconf.rb
    .kateproject .tern-config Rexfile bsconfig.json gatsby-node.js gatsby-ssr.js ember-cli-build.js setup.ts
    globalSetup.ts jest.setup.js knexfile.js .sequelizerc truffle-config.js foundry.toml Anchor.toml app.json Appfile
    Package.resolved Cartfile project.yml Tuist.swift BUILD.gn .gn DEPS west.yml Kconfig Kbuild debian/rules PKGBUILD
    snapcraft.yaml foo.spec release.nix guix.scm .guix-channel Vagrantfile.local packer.pkr.hcl salt.sls dagger.json
    GNUmakefile.in .project.vim .local.vim .vimlocal .nvim-dap.lua lazy-lock.json .emacs-project .lintr _targets.R
    _quarto.yml _config.yml .eleventy.js .pnp.mjs .npm-init.js .cz.js plopfile.js codegen.ts ormconfig.js webpack.mix.js
    brunch-config.js broccoli.js Brocfile.js Cakefile Jakefile Jakefile.js Assetfile build.ninja platformio.ini dub.json
    nextflow.config Tupfile firebase.json locustfile.py config/runtime.exs app.pro.user
  `
    .trim()
    .split(/\s+/)
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

it('what tools load under other names of their families does, too', () => {
  const paths = `webpack.config.babel.js vite.config.prod.ts karma.conf.coffee .php-cs-fixer.php .php-cs-fixer.dist.php
    phpstan.neon phpstan.neon.dist phpstan.dist.neon psalm.xml rector.php ecs.php App.xcodeproj/project.pbxproj
    App.xcodeproj/xcshareddata/xcschemes/App.xcscheme Project.swift Jenkinsfile.release azure-pipelines-release.yml
    .zuul.yaml zuul.d/jobs.yaml .readthedocs.yaml jitpack.yml tslint.json grunt.js .dvc/config .tmuxp.yaml
    .watchmanconfig pm2.json init.el .doom.d/config.el config/deploy.rb _templates/x/new/index.ejs.t renv/activate.R
    Pipfile.lock .pyre_configuration .stestr.conf`.split(/\s+/)
  assert.deepEqual(
    executesOnHost(paths).map(({ path }) => path),
    paths,
  )
  const plain = [
    'src/webpack.configure.ts',
    'docs/jenkinsfiles.md',
    'azure.yml',
    'src/neon.ts',
    'lib/init.ts',
    'ecs/a.php',
  ]
  assert.deepEqual(executesOnHost(plain), [])
})

it('plain sources do not', () => {
  assert.deepEqual(
    executesOnHost([
      ...['src/main.ts', 'README.md', 'docs/guide.md', 'data/git.txt', 'src/package/json.ts', 'gitignore'],
      ...['.gitignore', 'tsconfig.json', 'src/setup-guide.ts', 'profile.ts', 'file.js', 'test/a_test.exs', 'user.ts'],
      ...['docs/debian.md', 'manifest.json', 'src/config.ts', 'api.spec.ts', 'CODEOWNERS', 'lib/spec.rb'],
    ]),
    [],
  )
})

it('a directory needs one only by the names of directories', () => {
  const paths = ['build', 'a/tool.config.json', '.husky', '.config/fish']
  assert.deepEqual(
    executesOnHost(paths, () => true).map(({ path }) => path),
    ['.husky', '.config/fish'],
  )
})

it('is told by the first rule that a path meets', () => {
  const known = RULES.flatMap(({ directories = [], names = [] }) => [...directories, ...names])
  const odd = [
    'a',
    'x.ts',
    '.conf.js',
    'a.gradle',
    '.config',
    'mise',
    'gradle',
    'wrapper',
    '.FOOrc',
    'git~1',
    'b:c',
    '. .',
  ]
  const part = fc.oneof(fc.constantFrom(...odd), fc.constantFrom(...known))
  const path = fc.array(part, { minLength: 1, maxLength: 4 }).map((parts) => parts.join('/'))
  fc.assert(
    fc.property(path, fc.boolean(), (each, isDirectory) => {
      const [found] = executesOnHost([each], () => isDirectory)
      assert.equal(found?.why, RULES.find((rule) => meets(rule, leastCareful(each), isDirectory))?.why)
    }),
    { numRuns: 3_000 },
  )
})

function meets(
  { directories = [], names = [], patterns = [] }: (typeof RULES)[number],
  path: string,
  isDirectory: boolean,
) {
  const name = path.slice(path.lastIndexOf('/') + 1)
  if (directories.some((directory) => `/${path}/`.includes(`/${directory}/`))) return true
  return !isDirectory && (names.includes(name) || patterns.some((pattern) => pattern.test(name)))
}

it('names end where the least careful file system ends them', () => {
  const ended = ['a. . ', '. .', 'a:b', ':a:b', 'a :b', 'a..:b\nc', '..:x', 'A/B./C:d', 'git~12', 'git~1x', 'git~1.:x']
  assert.deepEqual(ended.map(leastCareful), [
    'a',
    '. .',
    'a',
    ':a',
    'a',
    'a',
    '..:x',
    'a/b/c',
    '.git',
    'git~1x',
    '.git',
  ])
})
