/**
 * Which files of a workspace a host would act upon by itself: at a checkout, on entering a directory, on opening an
 * editor, at the next build. Landing one is handing the agent the host’s hands, so each needs a person’s explicit yes.
 */
export interface Executes {
  readonly path: string
  /** Who acts on it, and when. */
  readonly why: string
}

/** Of these paths, those that need a yes, in the same order. */
export function executesOnHost(paths: readonly string[]): readonly Executes[] {
  return paths.flatMap((path) => {
    const why = reason(path)
    return why === undefined ? [] : [{ path, why }]
  })
}

/**
 * `Foo/.GIT/config` is git’s on a file system that ignores case, and so is `.g\u200cit` on one that ignores
 * zero-width characters, and `git~1` where short names are kept: compared as the least careful of them would.
 */
export function leastCareful(path: string): string {
  return path
    .normalize('NFKC')
    .replace(/[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff]/g, '')
    .toLowerCase()
    .split('/')
    .map((part) => part.replace(/[. ]+$/, '') || part)
    .map((part) => (/^git~\d+$/.test(part) ? '.git' : part))
    .join('/')
}

function reason(path: string): string | undefined {
  const parts = leastCareful(path).split('/')
  const name = parts.at(-1) ?? ''
  for (const { why, directories, names, patterns } of RULES) {
    if (directories?.some((directory) => within(parts, directory))) return why
    if (names?.includes(name)) return why
    if (patterns?.some((pattern) => pattern.test(name))) return why
  }
  return undefined
}

/** `.config/mise` matches those two parts anywhere in the path, the last one included. */
function within(parts: readonly string[], directory: string): boolean {
  const wanted = directory.split('/')
  return parts.some((_, at) => wanted.every((part, i) => parts[at + i] === part))
}

interface Rule {
  readonly why: string
  readonly directories?: readonly string[]
  readonly names?: readonly string[]
  readonly patterns?: readonly RegExp[]
}

const RULES: readonly Rule[] = [
  {
    why: 'git runs hooks and commands named in its configuration',
    directories: ['.git', '.husky', '.githooks', 'hooks'],
    names: ['.gitattributes', '.gitmodules', '.gitconfig'],
  },
  {
    why: 'run on entering the directory',
    names: [
      '.envrc',
      '.env',
      '.tool-versions',
      '.mise.toml',
      'mise.toml',
      '.asdfrc',
      '.autoenv',
      '.autoenv.zsh',
      'devbox.json',
      'shell.nix',
      'flake.nix',
      'default.nix',
      '.node-version',
      '.nvmrc',
      '.python-version',
      '.ruby-version',
    ],
    directories: ['.mise', '.config/mise', '.direnv'],
    patterns: [/^\.env\./, /^mise\..*toml$/],
  },
  {
    why: 'npm and its kin run scripts named in it',
    names: [
      'package.json',
      '.npmrc',
      '.yarnrc',
      '.yarnrc.yml',
      '.pnpmfile.cjs',
      'pnpm-workspace.yaml',
      'bunfig.toml',
      'deno.json',
      'deno.jsonc',
      'package-lock.json',
      'yarn.lock',
      'pnpm-lock.yaml',
      'npm-shrinkwrap.json',
    ],
    directories: ['node_modules', '.yarn'],
  },
  {
    why: 'run by the next build or test',
    names: [
      'makefile',
      'gnumakefile',
      'justfile',
      'rakefile',
      'gemfile',
      'cmakelists.txt',
      'pom.xml',
      'build.rs',
      'cargo.toml',
      'setup.py',
      'setup.cfg',
      'pyproject.toml',
      'conftest.py',
      'tox.ini',
      'noxfile.py',
      'sitecustomize.py',
      'usercustomize.py',
      'requirements.txt',
      'meson.build',
      'build.xml',
      'gradlew',
      'mvnw',
      'build.zig',
      'mix.exs',
      'rebar.config',
      'build.sbt',
      'stack.yaml',
      'setup.hs',
      'package.swift',
      'podfile',
      'fastfile',
      'brewfile',
      'procfile',
      'earthfile',
      'tiltfile',
      'skaffold.yaml',
      'pipfile',
      'poetry.lock',
      'uv.lock',
      'uv.toml',
      'cargo.lock',
      'gemfile.lock',
      'composer.json',
      'rust-toolchain',
      'rust-toolchain.toml',
      'go.work',
      'gradle.properties',
      'sconstruct',
      'configure',
      'module.bazel',
      'workspace',
      'workspace.bazel',
      'build.bazel',
      '.bazelrc',
      'turbo.json',
      'nx.json',
      'lerna.json',
      'ansible.cfg',
      'dockerfile',
      'containerfile',
      'vagrantfile',
    ],
    directories: ['.cargo', '.mvn', 'gradle/wrapper', 'bin', 'scripts', '.venv', 'venv'],
    patterns: [
      /^taskfile\.ya?ml$/,
      /\.gradle(\.kts)?$/,
      /\.pth$/,
      /\.mk$/,
      /^(docker-)?compose.*\.ya?ml$/,
      /^dockerfile\./,
      /\.tf(vars)?(\.json)?$/,
      /\.(cabal|gemspec|podspec|sbt|bzl)$/,
      /\.(csproj|fsproj|vbproj|props|targets|sln)$/,
    ],
  },
  {
    why: 'an editor runs tasks and settings from it',
    names: [
      '.exrc',
      '.vimrc',
      '.nvimrc',
      '.nvim.lua',
      '.dir-locals.el',
      '.sublime-project',
      '.editorconfig',
      '.lvimrc',
    ],
    directories: ['.vscode', '.idea', '.zed', '.fleet', '.vim', '.devcontainer', '.vs'],
    patterns: [/\.code-workspace$/, /\.sublime-(project|workspace)$/, /^\.?devcontainer\.json$/],
  },
  {
    why: 'run by continuous integration, with its secrets',
    names: [
      '.gitlab-ci.yml',
      '.travis.yml',
      'azure-pipelines.yml',
      'jenkinsfile',
      '.drone.yml',
      'bitbucket-pipelines.yml',
      '.cirrus.yml',
      'appveyor.yml',
      'cloudbuild.yaml',
      'buildspec.yml',
    ],
    directories: ['.github', '.circleci', '.woodpecker', '.buildkite', '.ci', '.gitlab', '.forgejo', '.gitea'],
  },
  {
    why: 'run before or after a commit',
    names: ['lefthook.yml', 'lefthook.yaml', '.lefthook.yml', '.overcommit.yml', '.hooks'],
    patterns: [/^\.pre-commit-config\.ya?ml$/, /^\.lintstagedrc/, /^\.commitlintrc/],
    directories: ['.lefthook'],
  },
  {
    why: 'a tool loads it as code',
    names: [
      '.babelrc',
      '.mocharc.js',
      'gulpfile.js',
      'gruntfile.js',
      '.gdbinit',
      '.lldbinit',
      '.pdbrc',
      '.irbrc',
      '.pryrc',
      '.rprofile',
      '.psqlrc',
      '.sqliterc',
      '.tmux.conf',
      '.screenrc',
      '.curlrc',
      '.wgetrc',
    ],
    patterns: [
      /\.config\.[cm]?[jt]sx?$/,
      /^(gulp|grunt)file\./,
      /^\.(eslintrc|prettierrc|mocharc|stylelintrc)(\.(json|ya?ml))?$/,
      /^\.(eslintrc|prettierrc|babelrc|mocharc|stylelintrc|postcssrc)\.[cm]?js$/,
    ],
  },
  {
    why: 'another agent reads it as instructions or runs what it names',
    names: [
      'agents.md',
      'claude.md',
      'gemini.md',
      'agent.md',
      'qwen.md',
      'skill.md',
      '.goosehints',
      'crush.json',
      '.mcp.json',
      'mcp.json',
      'opencode.json',
      'opencode.jsonc',
      '.cursorrules',
      '.windsurfrules',
      '.clinerules',
      'firebreak.yaml',
    ],
    directories: [
      '.claude',
      '.cursor',
      '.codex',
      '.gemini',
      '.continue',
      '.windsurf',
      '.opencode',
      '.aider',
      '.agents',
      '.roo',
      '.pi',
      '.amp',
      '.qwen',
      '.crush',
      '.goose',
      '.kiro',
      '.amazonq',
      '.trae',
      '.kilocode',
    ],
    patterns: [/^\.aider/],
  },
  {
    why: 'run by a shell, a login or a desktop',
    names: [
      '.bashrc',
      '.bash_profile',
      '.bash_login',
      '.bash_logout',
      '.bash_aliases',
      '.cshrc',
      '.tcshrc',
      '.login',
      '.zlogout',
      '.profile',
      '.zshrc',
      '.zshenv',
      '.zprofile',
      '.zlogin',
      '.inputrc',
      '.xinitrc',
      '.xprofile',
      '.netrc',
      'authorized_keys',
    ],
    directories: [
      '.ssh',
      '.gnupg',
      '.config/fish',
      '.config/systemd',
      '.config/autostart',
      '.config/git',
      '.local/bin',
    ],
    patterns: [/\.desktop$/, /\.(service|timer)$/],
  },
]
