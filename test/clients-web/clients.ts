/** Clients that people have, each asked for one thing that is granted and for one that is not. */

/** Name of the host of these tests' origin. */
export const HOST = 'api.shop.example'
/** The address of this host at which it listens. */
export const ADDRESS = '127.0.0.77'

/** Directory of a cell that shows what was installed for it. */
export const TOOLS = '/opt/clients'
// It looks for its library where it was built.
const PYTHON_ENV = `LD_LIBRARY_PATH=/opt/python/lib PYTHONPATH=${TOOLS}/py`
const PYTHON = `${PYTHON_ENV} /opt/python/bin/python3`
const WORK = '/tmp/work'

/** A client, and what it is told to do. */
export interface WebClient {
  readonly name: string
  /** A path on this host without which it is skipped. */
  readonly needs?: string
  /** Prints its version, on this host. */
  readonly version: string
  readonly granted: string
  /** A pattern that its output has when it was answered. */
  readonly says: RegExp
  readonly refused: string
}

const OK = `https://${HOST}/ok`
const NO = `https://${HOST}/admin`
const ANSWERED = /granted answer/

const node = (program: string, script: string) => `${program} --input-type=module -e '${script}'`
const fetching = (url: string) => `const r = await fetch("${url}"); console.log(r.status, await r.text())`
const undici = (url: string) =>
  `const { request } = (await import("node:module")).createRequire("${TOOLS}/js/x.js")("undici"); const r = await request("${url}"); console.log(r.statusCode, await r.body.text())`
const sdk = (script: string) =>
  node(
    '/opt/node',
    `const load = (await import("node:module")).createRequire("${TOOLS}/js/x.js"); try { ${script} } catch (e) { console.log(e.message) }`,
  )
const python = (script: string) => `${PYTHON} -c '${script}'`

/** Clients of plain requests. */
const FETCHERS: readonly WebClient[] = [
  {
    name: 'curl',
    needs: '/usr/bin/curl',
    version: 'curl --version',
    granted: `curl -sS ${OK}`,
    refused: `curl -sS ${NO}`,
    says: ANSWERED,
  },
  {
    name: 'curl, HTTP/1.1',
    needs: '/usr/bin/curl',
    version: 'curl --version',
    granted: `curl --http1.1 -sS ${OK}`,
    refused: `curl --http1.1 -sS ${NO}`,
    says: ANSWERED,
  },
  {
    name: 'wget',
    needs: '/usr/bin/wget',
    version: 'wget --version',
    granted: `wget -qO- ${OK}`,
    refused: `wget -O- --content-on-error ${NO}`,
    says: ANSWERED,
  },
  {
    name: 'Node 24, fetch',
    version: '{node} --version',
    granted: node('/opt/node', fetching(OK)),
    refused: node('/opt/node', fetching(NO)),
    says: ANSWERED,
  },
  {
    name: 'Node of this host, fetch',
    needs: '/usr/bin/node',
    version: '/usr/bin/node --version',
    granted: node('/usr/bin/node', fetching(OK)),
    refused: node('/usr/bin/node', fetching(NO)),
    says: ANSWERED,
  },
  {
    name: 'undici',
    version: 'node -p \'require("{tools}/js/node_modules/undici/package.json").version\'',
    granted: node('/opt/node', undici(OK)),
    refused: node('/opt/node', undici(NO)),
    says: ANSWERED,
  },
  {
    name: 'Python, urllib',
    version: '{python}/bin/python3 --version',
    granted: python(`import urllib.request as u; print(u.urlopen("${OK}").read())`),
    refused: python(
      `import urllib.request as u, urllib.error as e\ntry: u.urlopen("${NO}")\nexcept e.HTTPError as x: print(x, x.read())`,
    ),
    says: ANSWERED,
  },
  {
    name: 'Python, requests',
    version: '{pip} requests',
    granted: python(`import requests; print(requests.get("${OK}").text)`),
    refused: python(`import requests; print(requests.get("${NO}").text)`),
    says: ANSWERED,
  },
  {
    name: 'Python, httpx',
    version: '{pip} httpx',
    granted: python(`import httpx; print(httpx.get("${OK}").text)`),
    refused: python(`import httpx; print(httpx.get("${NO}").text)`),
    says: ANSWERED,
  },
  {
    name: 'Python, aiohttp',
    version: '{pip} aiohttp',
    granted: python(
      `import asyncio, aiohttp\nasync def f():\n  async with aiohttp.ClientSession() as s:\n    async with s.get("${OK}") as r: print(await r.text())\nasyncio.run(f())`,
    ),
    refused: python(
      `import asyncio, aiohttp\nasync def f():\n  async with aiohttp.ClientSession() as s:\n    async with s.get("${NO}") as r: print(await r.text())\nasyncio.run(f())`,
    ),
    says: ANSWERED,
  },
  {
    name: 'Go, net/http',
    needs: '/usr/local/go/bin/go',
    version: '/usr/local/go/bin/go version',
    granted: `${TOOLS}/go-get ${OK}`,
    refused: `${TOOLS}/go-get ${NO}`,
    says: ANSWERED,
  },
  {
    name: 'Java, HttpClient',
    needs: '/usr/bin/javac',
    version: 'java -version',
    granted: `java -cp ${TOOLS}/java Get ${OK}`,
    refused: `java -cp ${TOOLS}/java Get ${NO}`,
    says: ANSWERED,
  },
  {
    name: 'Chromium',
    needs: '/usr/bin/chromium',
    version: 'chromium --version',
    granted: `chromium --headless --no-sandbox --disable-gpu --dump-dom ${OK} 2>/dev/null`,
    refused: `chromium --headless --no-sandbox --disable-gpu --dump-dom ${NO} 2>/dev/null`,
    says: ANSWERED,
  },
]

/** Clients with a protocol of their own over it: what they ask for is declared as requests. */
const MANAGERS: readonly WebClient[] = [
  {
    name: 'git',
    needs: '/usr/bin/git',
    version: 'git --version',
    granted: `git -c protocol.version=0 ls-remote https://${HOST}/repo.git`,
    refused: `git ls-remote https://${HOST}/other.git`,
    says: /refs\/heads\/main/,
  },
  {
    name: 'npm',
    needs: '/usr/bin/npm',
    version: 'npm --version',
    granted: `npm view thing version --registry https://${HOST}/npm/ --cache ${WORK}/npm`,
    refused: `npm view other version --registry https://${HOST}/npm/ --cache ${WORK}/npm`,
    says: /^1\.0\.0$/m,
  },
  {
    name: 'pip',
    version: '{python}/bin/python3 -m pip --version',
    granted: `${PYTHON} -m pip download thing --no-deps -d ${WORK}/pip -i https://${HOST}/simple/ --disable-pip-version-check`,
    refused: `${PYTHON} -m pip download other --no-deps -d ${WORK}/pip -i https://${HOST}/simple/ --disable-pip-version-check -v`,
    says: /Successfully downloaded thing|Saved .*thing-1\.0/,
  },
  {
    name: 'uv',
    version: '{tools}/py/bin/uv --version',
    granted: `${PYTHON_ENV} UV_CACHE_DIR=${WORK}/uv ${TOOLS}/py/bin/uv pip install --python /opt/python/bin/python3 --target ${WORK}/uv-out --index-url https://${HOST}/simple/ thing`,
    refused: `${PYTHON_ENV} UV_CACHE_DIR=${WORK}/uv ${TOOLS}/py/bin/uv pip install --python /opt/python/bin/python3 --target ${WORK}/uv-out --index-url https://${HOST}/simple/ other`,
    says: /\+ thing==1\.0/,
  },
  {
    name: 'cargo',
    needs: '{cargo}',
    version: '{cargo}/bin/cargo --version',
    granted: `cd ${WORK} && CARGO_HOME=${WORK}/cargo CARGO_REGISTRIES_SHOP_INDEX=sparse+https://${HOST}/index/ PATH=/opt/rust/bin:$PATH /opt/rust/bin/cargo info thing@1.0.0 --registry shop`,
    refused: `cd ${WORK} && CARGO_HOME=${WORK}/cargo CARGO_REGISTRIES_SHOP_INDEX=sparse+https://${HOST}/index/ PATH=/opt/rust/bin:$PATH /opt/rust/bin/cargo info other --registry shop`,
    says: /granted crate/,
  },
]

const anthropic = (model: string) =>
  sdk(
    `const { default: A } = load("@anthropic-ai/sdk"); const m = await new A({ apiKey: "dummy", maxRetries: 0 }).messages.create({ model: "${model}", max_tokens: 9, messages: [{ role: "user", content: "hi" }] }); console.log(m.content[0].text)`,
  )
const openai = (model: string) =>
  sdk(
    `const { default: O } = load("openai"); const m = await new O({ apiKey: "dummy", maxRetries: 0 }).responses.create({ model: "${model}", max_output_tokens: 16, input: "hi" }); console.log(m.output_text)`,
  )
const google = (model: string) =>
  sdk(
    `const { GoogleGenAI } = load("@google/genai"); const m = await new GoogleGenAI({ apiKey: "dummy" }).models.generateContent({ model: "${model}", contents: "hi", config: { maxOutputTokens: 9 } }); console.log(m.text)`,
  )
const versionOf = (name: string) =>
  `node -p 'JSON.parse(require("fs").readFileSync("{tools}/js/node_modules/${name}/package.json")).version'`

/** The vendors’ SDKs, at the providers’ own names. */
const SDKS: readonly WebClient[] = [
  {
    name: '@anthropic-ai/sdk',
    version: versionOf('@anthropic-ai/sdk'),
    granted: anthropic('claude-haiku-4-5'),
    refused: anthropic('claude-opus-5'),
    says: ANSWERED,
  },
  {
    name: 'openai',
    version: versionOf('openai'),
    granted: openai('gpt-5-mini'),
    refused: openai('gpt-4.1'),
    says: ANSWERED,
  },
  {
    name: '@google/genai',
    version: versionOf('@google/genai'),
    granted: google('gemini-2.5-flash'),
    refused: google('gemini-3-pro'),
    says: ANSWERED,
  },
]

export const CLIENTS: readonly WebClient[] = [...FETCHERS, ...MANAGERS, ...SDKS]
