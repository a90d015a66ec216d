/**
 * `<driveway-upload gateway="https://…" path="/Inbox">`: the uploader on anybody's page, from one
 * script (docs/embed.md says what it takes, tells and lets be styled).
 */
import { Problem, asProblem } from '../api/problem.ts'
import { dress, parts } from '../uploader/shadow-host.ts'
import { mountUploader } from '../uploader/index.ts'
import type { Choice, Uploader } from '../uploader/index.ts'
import { strings } from '../uploader/strings.ts'
import { endBearer, forgetBearer, goToSignIn, takeBearer, whoIs } from '../api/auth.ts'
import { createZone } from './drop-zone.ts'

class DrivewayUpload extends HTMLElement {
  static readonly observedAttributes = ['gateway']
  readonly #zone = createZone({
    choose: (what) => this.choose(what),
    signIn: () => this.signIn(),
    signOut: () => void this.signOut(),
    retry: () => void this.#start(),
  })
  #uploader: Uploader | undefined
  #account = ''
  #bearer = ''
  #token = ''
  #turn = 0

  constructor() {
    super()
    dress(this).append(this.#zone.element)
    this.setAttribute('exportparts', parts.join())
  }

  /** A token of the page's own, `dw_…`: nobody is asked to sign in then. */
  set token(token: string) {
    this.#token = token
    if (this.isConnected) void this.#start()
  }

  /** The gateway's origin. */
  get gateway(): string {
    const given = this.getAttribute('gateway') ?? ''
    return URL.canParse(given, location.href) ? new URL(given, location.href).origin : ''
  }

  /** Folders below My Drive, or below `folder`: found or made. */
  get path(): string {
    return (this.getAttribute('path') ?? '').split('/').filter(Boolean).join('/')
  }

  /** Whether anything is being sent or waits to be. */
  get busy(): boolean {
    return this.#uploader?.busy ?? false
  }

  /** Uploads files that the page has from elsewhere. */
  add(files: Iterable<File>): void {
    this.#uploader?.add([...files])
  }

  /** Call it in the handler of a click or a key. */
  choose(what: Choice = 'files'): void {
    this.#uploader?.choose(what)
  }

  /** Leaves the page for the gateway's and Google's, and comes back to it. */
  signIn(): void {
    const leave = async (): Promise<void> => {
      await this.#uploader?.noted()
      await goToSignIn(this.gateway)
    }
    leave().catch((thrown: unknown) => this.#zone.refuse(asProblem(thrown)))
  }

  async signOut(): Promise<void> {
    const token = this.#bearer
    await this.#uploader?.forget()
    this.#unmount()
    this.#bearer = ''
    this.#zone.askToSignIn('')
    await endBearer(this.gateway, token).catch(() => {}) // it ends by itself within the hour
    this.#tell('signout', {})
  }

  connectedCallback(): void {
    void this.#start()
  }

  disconnectedCallback(): void {
    this.#unmount()
  }

  attributeChangedCallback(): void {
    if (this.#turn > 0) void this.#start() // another gateway than at first
  }

  async #start(): Promise<void> {
    const { gateway } = this
    const turn = ++this.#turn // only the last start counts
    if (this.#uploader === undefined) this.#zone.wait()
    try {
      if (gateway === '') throw new Problem({ code: 'bad_gateway', title: strings.noGateway })
      const token = this.#token || ((await takeBearer(gateway))?.token ?? '')
      const session = token === '' ? null : await whoIs(gateway, token)
      if (turn !== this.#turn) return
      if (session === null) return this.#askToSignIn('')
      if (session.broken !== null) return this.#askToSignIn(session.broken.cause)
      this.#bearer = token
      if (this.#account !== session.email) this.#unmount()
      this.#account = session.email
      this.#zone.offer(this.#token === '' ? session.email : '', this.path)
      if (this.#uploader) this.#uploader.pause(false)
      else this.#mount(gateway, session)
      this.#tell('signin', { email: session.email })
    } catch (thrown) {
      if (turn === this.#turn) this.#zone.refuse(asProblem(thrown))
    }
  }

  #mount(gateway: string, limits: Parameters<typeof mountUploader>[0]['limits']): void {
    const uploader = mountUploader({
      gateway,
      scripts: gateway,
      account: `${this.#account} ${gateway}`,
      headers: () => ({ authorization: `Bearer ${this.#bearer}` }),
      place: this.#zone.element,
      limits,
      target: () => ({
        id: this.getAttribute('folder'),
        name: this.path || strings.root,
        path: this.path,
      }),
      stored: (file, { path }) => this.#tell('stored', { ...file, path }),
      lost: ({ words }) => this.#askToSignIn(words),
      changed: ({ name, size, state }) => {
        if (state.is === 'sending') this.#tell('progress', { name, size, sent: state.sent })
        if (state.is !== 'failed') return
        const { code, words } = state.problem
        this.#tell('failed', { name, size, code, words })
      },
    })
    this.#uploader = uploader
    this.shadowRoot?.append(uploader.element)
  }

  #unmount(): void {
    this.#uploader?.pause(true)
    this.#uploader?.close()
    this.#uploader?.element.remove()
    this.#uploader = undefined
  }

  #askToSignIn(reason: string): void {
    forgetBearer(this.gateway)
    this.#uploader?.pause(true)
    this.#zone.askToSignIn(reason)
  }

  #tell(name: string, detail: object): void {
    this.dispatchEvent(new CustomEvent(name, { detail, bubbles: true, composed: true }))
  }
}

// A page may have the script twice.
if (!customElements.get('driveway-upload')) customElements.define('driveway-upload', DrivewayUpload)
