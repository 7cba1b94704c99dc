/** Names of files and directories that hosts act upon by themselves, in lower case; parts of a path beside each other. */
export interface HostNameRule {
  /** The program that acts on such a name, and when, for a person. */
  readonly why: string
  /** Names of directories that are acted upon together with whatever lies in them. */
  readonly directories?: readonly string[]
  readonly names?: readonly string[]
  readonly patterns?: readonly RegExp[]
}

export const RULES: readonly HostNameRule[] = [
  {
    why: 'git runs hooks and commands named in its configuration',
    directories: words(`
      .hg .svn .bzr _darcs .jj .sl .pijul .cargo-husky .hooks .git-hooks .git .husky .githooks hooks
    `),
    names: words(`
      .hgsub .hgrc .mrconfig .arcconfig .arclint .gitattributes .gitmodules .gitconfig
    `),
  },
  {
    why: 'run on entering the directory',
    directories: words(`
      .config/direnv .devenv .mise .config/mise .direnv
    `),
    names: words(`
      .envrc.local .env.zsh .in .out .sdkmanrc .java-version .go-version .terraform-version .miserc.toml
      mise.lock .rtx.toml devbox.lock devenv.nix devenv.yaml flake.lock .autoenv_leave.zsh .localrc
      .zsh_profile .nodenv-version .rbenv-version .php-version .swift-version .perl-version .opam-switch
      .envrc .env .tool-versions .mise.toml mise.toml .asdfrc .autoenv .autoenv.zsh devbox.json shell.nix
      flake.nix default.nix .node-version .nvmrc .python-version .ruby-version
    `),
    patterns: [/^\.env\./, /^mise\..*toml$/],
  },
  {
    why: 'npm and its kin run scripts named in it',
    directories: words(`
      node_modules .yarn
    `),
    names: words(`
      .pnp.cjs .pnp.loader.mjs .pnpmfile.mjs bun.lock bun.lockb .yarnclean jsr.json package.json5 package.yaml
      .npmignore package.json .npmrc .yarnrc .yarnrc.yml .pnpmfile.cjs pnpm-workspace.yaml bunfig.toml
      deno.json deno.jsonc package-lock.json yarn.lock pnpm-lock.yaml npm-shrinkwrap.json
    `),
  },
  {
    why: 'run by the next build or test',
    directories: words(`
      .bundle .mise-tasks mise-tasks site-packages dist-packages __pycache__ .eggs .tox .nox .gradle .bsp
      .bloop .metals .swiftpm .dvc .phan .buckconfig.d .codesandbox renv .terraform .cargo .mvn gradle/wrapper bin scripts .venv venv debian
    `),
    names: words(`
      gems.rb gems.locked build .bazelversion .bazeliskrc snakefile dvc.yaml dvc.lock config.ru mkdocs.yml
      mkdocs.yaml conf.py gunicorn.conf.py book.toml pixi.lock angular.json nodemon.json rust-project.json
      root.hcl buf.gen.yaml buf.yaml .simplecov
      bsdmakefile pytest.ini .pytest.ini .coveragerc mypy.ini .mypy.ini .pylintrc pylintrc .flake8 .isort.cfg
      hatch.toml pdm.toml pdm.lock dodo.py fabfile.py tasks.py manage.py wscript sconscript conanfile.py
      conanfile.txt vcpkg.json xmake.lua premake5.lua meson_options.txt meson.options cmakepresets.json
      cmakeuserpresets.json cpanfile makefile.pl build.pl .proverc .perldb dune dune-project rebar.lock
      mix.lock deps.edn project.clj bb.edn shadow-cljs.edn build.mill build.sc .sbtopts .jvmopts .mill-version
      gradle.lockfile extensions.xml jvm.config maven.config global.json nuget.config packages.config
      directory.build.rsp msbuild.rsp guardfile capfile thorfile dangerfile appraisals steepfile berksfile
      .rspec .rubocop.yml phpunit.xml phpunit.xml.dist .user.ini .htaccess artisan pubspec.yaml pubspec.lock
      melos.yaml shard.yml spago.yaml elm.json go.mod go.sum .goreleaser.yml .goreleaser.yaml magefile.go
      wrangler.toml wrangler.jsonc serverless.yml netlify.toml vercel.json fly.toml now.json chart.yaml
      kustomization.yaml helmfile.yaml .terraformrc terragrunt.hcl pulumi.yaml cdk.json samconfig.toml
      bake.hcl docker-bake.hcl .actrc moon.yml rush.json pants.toml .buckconfig renv.lock .renviron
      .rbuildignore makefile gnumakefile justfile rakefile gemfile cmakelists.txt pom.xml build.rs cargo.toml
      setup.py setup.cfg pyproject.toml conftest.py tox.ini noxfile.py sitecustomize.py usercustomize.py
      requirements.txt meson.build build.xml gradlew mvnw build.zig mix.exs rebar.config build.sbt stack.yaml
      setup.hs package.swift podfile fastfile brewfile procfile earthfile tiltfile skaffold.yaml pipfile
      poetry.lock uv.lock uv.toml cargo.lock gemfile.lock composer.json rust-toolchain rust-toolchain.toml
      go.work gradle.properties sconstruct configure module.bazel workspace workspace.bazel build.bazel
      .bazelrc turbo.json nx.json lerna.json ansible.cfg dockerfile containerfile vagrantfile
      binding.gyp hie.yaml cabal.project setup.lhs configure.ac configure.in buck targets dist.ini devspace.yaml
      extconf.rb foundry.toml brownie-config.yaml anchor.toml app.json appfile matchfile gymfile scanfile
      deliverfile snapfile pluginfile package.resolved cartfile cartfile.resolved project.yml tuist.swift
      workspace.swift build.gn .gn deps west.yml kconfig kbuild pkgbuild apkbuild snapcraft.yaml guix.scm
      manifest.scm channels.scm .guix-channel .guix-authorizations dagger.json rexfile bsconfig.json rescript.json
      assetfile cakefile jakefile tupfile tuprules.tup tup.config jamfile jamroot mkfile default.do dub.json
      dub.sdl nim.cfg gleam.toml build.jl makevars platformio.ini locustfile.py toxfile.py hatch_build.py
      pavement.py invoke.yaml deno.lock bacon.toml .pants.rc firebase.json app.yaml amplify.yml render.yaml
      railway.json railway.toml nixpacks.toml heroku.yml apprunner.yaml project.toml okteto.yml garden.yml
      werf.yaml _targets.r _quarto.yml _config.yml config.exs runtime.exs
      project.swift psalm.xml rector.php ecs.php deploy.rb behat.yml behat.yaml codeception.yml grunt.js
      tslint.json pm2.json wscript_build sconscript.py cypress.json premake4.lua cask eask atlantis.yaml
      waypoint.hcl molecule.yml copier.yml cookiecutter.json .watchmanconfig .foreman honchofile knip.ts hygen.js
      jasmine.json nose.cfg unittest.cfg .testr.conf .stestr.conf .pyre_configuration .merlin waf workspace.bzlmod
      pipfile.lock module.bazel.lock build.mill.yaml bleep.yaml .mill-jvm-opts build.properties overmind.env
      .overmind.env
    `),
    patterns: [
      /^psalm\..*xml$|^(php(stan|unit)|psalm|rector|ecs|behat|codeception|infection)\.dist\.|\.neon(\.dist)?$/,
      /\.conf(ig)?\.(.*\.)?([cm]?[jt]sx?|coffee)$/,
      /\.(pbxproj|xcscheme|xcconfig|ejs\.t)$/,
      /^\.?justfile$|\.just$/,
      /^taskfile\.(dist\.)?ya?ml$/,
      /^(rake|gem|guard|thor|danger|cap)file\.rb$|\.rake$/,
      /^\.?(pylintrc|pytest|pixi|tox|ruff|rustfmt|clippy|rust-analyzer|coverage|bandit|mypy|pyright|air|deny|nextest|trunk|cross|netlify)\.toml$/,
      /\.conf\.[cm]?[jt]s$/,
      /^procfile\./,
      /\.(vcxproj|slnx|wsproj|esproj|pyproj|sqlproj|proj|nuspec|tofu|nomad|smk|cmake|pro|pri)(\.(filters|user))?$/,
      /^\.(golangci|goreleaser|mocharc|nycrc|air|ko|rubocop|swiftlint|sourcery|phpcs|jshintrc)\./,
      /^taskfile\.ya?ml$/,
      /^(gnu|bsd)?makefile\.|^cabal\.project\.|^vagrantfile\.|^rebar\.config\.|^jakefile\./,
      /\.(gyp|gypi|ninja|nix|spec|sls|nims|jam|bb|bbclass|bbappend|nsi|wxs|targets|gni|config)$/,
      /\.pkr\.(hcl|json)$|\.flatpak\.(json|ya?ml)$/,
      /\.gradle(\.kts)?$/,
      /\.(pth|egg-link|pyc|opam|nimble|rockspec)$/,
      /\.mk$/,
      /^(docker-)?compose.*\.ya?ml$/,
      /^dockerfile\.|\.(dockerfile|containerfile)$/,
      /^docker-bake\.(override\.)?(json|hcl)$/,
      /\.tf(vars)?(\.json)?$/,
      /\.(cabal|gemspec|podspec|sbt|bzl)$/,
      /\.(csproj|fsproj|vbproj|props|targets|sln)$/,
    ],
  },
  {
    why: 'an editor runs tasks and settings from it',
    directories: words(`
      .eide .neoconf .sublime
      .emacs.d .doom.d .spacemacs.d .nvim .config/nvim .helix .settings nbproject .kdev4 .run .theia .nova .ctags.d .jupyter
      .ipython .vscode-test .devfile .ddev .lapce .vscode .idea .zed .fleet .vim .devcontainer .vs
    `),
    names: words(`
      .dir-locals-2.el _exrc .vimrc.local .neoconf.json .rust-analyzer.toml
      _vimrc .gvimrc .ideavimrc .emacs .spacemacs .kakrc .projections.json .vimspector.json coc-settings.json
      .luarc.json .luarc.jsonc .clangd .ccls .project .classpath .pydevproject .cproject .replit replit.nix
      .gitpod.yml .gitpod.dockerfile devfile.yaml .nova .ycm_extra_conf.py .tern-project .ctags .ctagsrc .exrc
      init.el early-init.el .atom-build.yml .brackets.json
      .vimrc .nvimrc .nvim.lua .dir-locals.el .sublime-project .editorconfig .lvimrc
      .vimlocal .vimproject .vimprojects .kateproject .kate-project .emacs-project .tern-config .tm_properties
      .solargraph.yml lazy-lock.json
    `),
    patterns: [
      /\.vim$|^\.nvim.*\.lua$|\.(geany|kdev4|iml|ipr|iws|dotsettings|user)$/,
      /\.code-workspace$/,
      /\.sublime-(project|workspace)$/,
      /^\.?devcontainer\.json$/,
    ],
  },
  {
    why: 'run by continuous integration, with its secrets',
    directories: words(`
      .zuul.d zuul.d .semaphore .teamcity .azuredevops .azure-pipelines .builds .concourse .tekton .dagger .harness .github
      .circleci .woodpecker .buildkite .ci .gitlab .forgejo .gitea
    `),
    names: words(`
      .gitlab-ci.yaml .travis.yaml .appveyor.yml .drone.yaml azure-pipelines.yaml .cirrus.star .build.yml
      codeship-services.yml wercker.yml .semaphore.yml screwdriver.yaml cloudbuild.yml buildspec.yaml
      .pipelight.toml renovate.json .renovaterc .renovaterc.json dependabot.yml .mergify.yml .gitlab-ci.yml
      .travis.yml azure-pipelines.yml jenkinsfile .drone.yml bitbucket-pipelines.yml .cirrus.yml appveyor.yml
      cloudbuild.yaml buildspec.yml
      .readthedocs.yaml .readthedocs.yml readthedocs.yaml readthedocs.yml jitpack.yml .jitpack.yml
      .copr .packit.yaml .packit.yml packit.yaml .lgtm.yml
    `),
    patterns: [
      /^jenkinsfile\b|\.jenkinsfile$|^\.?azure-pipelines?\b.*\.ya?ml$|^\.?zuul\.ya?ml$/,
      /^\.(drone|woodpecker|travis|gitlab-ci|cirrus|appveyor|semaphore)\./,
      /^(action|appspec|codemagic|bitrise)\.ya?ml$/,
    ],
  },
  {
    why: 'run before or after a commit',
    directories: words(`
      .lefthook
    `),
    names: words(`
      lefthook.toml lefthook.json lefthook-local.yml lefthook-local.yaml .pre-commit-hooks.yaml prek.toml
      captainhook.json grumphp.yml .simple-git-hooks.json .simple-git-hooks.js .simple-git-hooks.cjs
      simple-git-hooks.json .huskyrc .huskyrc.json .huskyrc.js .releaserc .releaserc.json .czrc .talismanrc
      lefthook.yml lefthook.yaml .lefthook.yml .overcommit.yml .hooks
    `),
    patterns: [
      /^\.release-it\./,
      /^\.(releaserc|huskyrc|simple-git-hooks|czrc|lefthook(-local)?|overcommit|versionrc|changelogrc)(\.|$)/,
      /^\.pre-commit-config\.ya?ml$/,
      /^\.lintstagedrc/,
      /^\.commitlintrc/,
    ],
  },
  {
    why: 'a tool loads it as code',
    directories: words(`
      .storybook .ladle .vitepress .vuepress .docusaurus .parcel-cache
    `),
    names: words(`
      .tmuxinator.yaml .tmuxp.yaml .tmuxp.yml .tmuxp.json .wezterm.lua .tmuxinator.yml .markdownlint-cli2 .vale.ini .rdata .busted .standard.yml .tflint.hcl .ghcid .lintr
      ember-cli-build.js webpack.mix.js .jazzy.yaml
      .pythonrc .pythonrc.py .pythonstartup pythonstartup.py pyvenv.cfg .pdbrc.py .gdbearlyinit .gdbinit.py
      .lldbinit.py .radare2rc .rizinrc .iex.exs .erlang .ghci .ocamlinit .sbclrc .guile .swcrc .nycrc .taprc
      .avarc .c8rc .parcelrc .babelrc.json .mailcap mailcap .muttrc .lesskey .nanorc .digrc .my.cnf .duckdbrc
      .octaverc startup.m startup.jl .perltidyrc .perlcriticrc .ackrc .ripgreprc .ansible.cfg .condarc .pypirc
      pip.conf .pydistutils.cfg .gemrc .bowerrc .babelrc .mocharc.js gulpfile.js gruntfile.js .gdbinit
      .lldbinit .pdbrc .irbrc .pryrc .rprofile .psqlrc .sqliterc .tmux.conf .screenrc .curlrc .wgetrc
    `),
    patterns: [
      /^\.[a-z0-9_-]+(\.dist)?\.([cm]?[jt]s|exs|lua|rb|py|php|r)$|^\.php[-_]cs/,
      /^\.pnp\.|^(brunch|truffle|gatsby|browserstack)-[a-z-]+\.[cm]?[jt]s$/,
      /^(plop|jake|broc|knex|cake|sequelize-?|esbuild)file\.[cm]?[jt]s$|^(broccoli|sequelize|ormconfig|codegen)\.([cm]?[jt]s|ya?ml|json)$/,
      /^((jest|vitest|mocha|test|global)[._-]?)?(setup|teardown)\.[cm]?[jt]sx?$|^global(setup|teardown)\.[cm]?[jt]s$/,
      /^(jupyter|ipython)_.*config\.(py|json)$/,
      /\.config\.(json[5c]?|ya?ml|toml|lua|py)$/,
      /^\.[a-z0-9_-]+rc(\.[a-z0-9]+)?$/,
      /^\.?latexmkrc$/,
      /^\.(markdownlint(-cli2)?|stylelint|remark|depcheck|dependency-cruiser|eslint|prettier|babel|swc|terserrc|lintstaged|commitlint|ls-lint|knip|vale|sql(fluff|fmt))\./,
      /\.config\.[cm]?[jt]sx?$/,
      /^(gulp|grunt)file\./,
      /^\.(eslintrc|prettierrc|mocharc|stylelintrc)(\.(json|ya?ml))?$/,
      /^\.(eslintrc|prettierrc|babelrc|mocharc|stylelintrc|postcssrc)\.[cm]?js$/,
    ],
  },
  {
    why: 'another agent reads it as instructions or runs what it names',
    directories: words(`
      .claude-plugin .codex-plugin .cursor-plugin
      .agent .cline .clinerules .augment .junie .openhands .devin .cody .sourcegraph .factory .zencoder
      .tabnine .rovodev .warp .void .antigravity .mcp .rules .github/copilot .openclaw .hermes .copilot
      .skills .mentat .plandex .firebender .claude .cursor .codex .gemini .continue .windsurf .opencode .aider
      .agents .roo .pi .amp .qwen .crush .goose .kiro .amazonq .trae .kilocode
    `),
    names: words(`
      warp.md crush.md gemini-extension.json .agentrules .kilocodemodes .goosehints.local
      claude.local.md copilot-instructions.md codex.md conventions.md .rules .mcp.jsonc .mcp.yaml mcp.jsonc
      mcp.yaml mcp-config.json .roomodes .roorules .augment-guidelines .builder-rules crush.jsonc .crush.json
      amp.json .opencode.json firebreak.yml firebreak.accepted.json agents.md claude.md gemini.md agent.md
      qwen.md skill.md .goosehints crush.json .mcp.json mcp.json opencode.json opencode.jsonc .cursorrules
      .windsurfrules .clinerules firebreak.yaml
    `),
    patterns: [
      /^\.aider/,
      /^(claude|agents?|gemini|codex|qwen|copilot)([._-][^/]*)?\.md$/,
      /\.(mdc|prompt\.md|instructions\.md|chatmode\.md|agent\.md)$/,
      /^mcp[._-].*\.json$/,
    ],
  },
  {
    why: 'run by a shell, a login or a desktop',
    directories: words(`
      .config/environment.d .config/plasma-workspace .kde .config/zsh .config/nushell .oh-my-zsh .zsh
      .bashrc.d .profile.d cron.d cron.daily init.d systemd launchagents launchdaemons
      .local/share/applications .local/share/systemd .config/tmux .config/gdb .config/pip .config/npm .ssh
      .gnupg .config/fish .config/systemd .config/autostart .config/git .local/bin
    `),
    names: words(`
      .bash_env .kshrc .mkshrc .shrc .xsession .xsessionrc .xserverrc .pam_environment .forward .procmailrc
      .rhosts .shosts rc.local crontab .crontab autorun.inf desktop.ini .directory .bashrc .bash_profile
      .bash_login .bash_logout .bash_aliases .cshrc .tcshrc .login .zlogout .profile .zshrc .zshenv .zprofile
      .zlogin .inputrc .xinitrc .xprofile .netrc authorized_keys
    `),
    patterns: [
      /\.desktop$/,
      /\.(service|timer|socket|path|mount|automount|target|slice)$/,
      /\.(lnk|url|scf|pif)$/,
      /\.plist$/,
    ],
  },
]

/** Splits a text into its names: they have no spaces, and as many stand in a line as fit. */
function words(text: string): readonly string[] {
  return text.trim().split(/\s+/)
}
