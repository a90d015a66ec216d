/**
 * The custom element `<driveway-upload gateway="https://…" path="/Inbox">`: the uploader for any page,
 * in one script. docs/embed.md lists its attributes, methods, events and styles.
 */
import {
  clearBearer,
  fetchSession,
  redirectToSignIn,
  resolveBearer,
  revokeBearer,
} from '../api/auth.ts'
import { Problem, toProblem } from '../api/problem.ts'
import { applyStyles, parts } from '../uploader/shadow-host.ts'
import { mountUploader } from '../uploader/index.ts'
import type { PickerKind, Uploader, UploaderOptions } from '../uploader/index.ts'
import { strings } from '../uploader/strings.ts'
import { createDropZone } from './drop-zone.ts'

class DrivewayUpload extends HTMLElement {
  static readonly observedAttributes = ['gateway']
  readonly #dropZone = createDropZone({
    showPicker: (kind) => this.showPicker(kind),
    signIn: () => this.signIn(),
    signOut: () => void this.signOut(),
    retry: () => void this.#start(),
  })
  #uploader: Uploader | undefined
  #account = ''
  #bearer = ''
  #token = ''
  #startCount = 0

  constructor() {
    super()
    applyStyles(this).append(this.#dropZone.element)
    this.setAttribute('exportparts', parts.join())
  }

  /** A token of the page, `dw_…`, which replaces the visitor's sign-in. */
  set token(token: string) {
    this.#token = token
    if (this.isConnected) void this.#start()
  }

  /** The gateway's origin; '' when the attribute is invalid. */
  get gateway(): string {
    const value = this.getAttribute('gateway') ?? ''
    return URL.canParse(value, location.href) ? new URL(value, location.href).origin : ''
  }

  /** Subfolders of `folder` or My Drive to use or create. */
  get path(): string {
    return (this.getAttribute('path') ?? '').split('/').filter(Boolean).join('/')
  }

  /** Whether uploads are in progress or waiting. */
  get busy(): boolean {
    return this.#uploader?.isBusy ?? false
  }

  /** Uploads files of the page. */
  add(files: Iterable<File>): void {
    this.#uploader?.add([...files])
  }

  /** Call it in the handler of a click or key event: browsers require a user gesture. */
  showPicker(kind: PickerKind = 'files'): void {
    this.#uploader?.showPicker(kind)
  }

  /** Redirects to the gateway's sign-in, which returns to this page. */
  signIn(): void {
    const redirect = async (): Promise<void> => {
      await this.#uploader?.persisted()
      await redirectToSignIn(this.gateway)
    }
    redirect().catch((error: unknown) => this.#dropZone.showError(toProblem(error)))
  }

  async signOut(): Promise<void> {
    const bearer = this.#bearer
    await this.#uploader?.clear()
    this.#unmount()
    this.#bearer = ''
    this.#dropZone.showSignIn('')
    await revokeBearer(this.gateway, bearer).catch(() => {}) // it expires within an hour anyway
    this.#dispatch('signout', {})
  }

  connectedCallback(): void {
    void this.#start()
  }

  disconnectedCallback(): void {
    this.#unmount()
  }

  attributeChangedCallback(): void {
    if (this.#startCount > 0) void this.#start() // the gateway has changed
  }

  async #start(): Promise<void> {
    const { gateway } = this
    const start = ++this.#startCount // a later start supersedes this one
    if (this.#uploader === undefined) this.#dropZone.showLoading()
    try {
      if (gateway === '') {
        throw new Problem({ code: 'invalid_gateway', title: strings.invalidGateway })
      }
      const token = this.#token || ((await resolveBearer(gateway))?.token ?? '')
      const session = token === '' ? null : await fetchSession(gateway, token)
      if (start !== this.#startCount) return
      if (session === null) return this.#requireSignIn('')
      if (session.grantProblem !== null) return this.#requireSignIn(session.grantProblem.cause)
      this.#bearer = token
      if (this.#account !== session.email) this.#unmount()
      this.#account = session.email
      this.#dropZone.showReady(this.#token === '' ? session.email : '', this.path)
      if (this.#uploader) this.#uploader.setOnHold(false)
      else this.#mount(gateway, session)
      this.#dispatch('signin', { email: session.email })
    } catch (error) {
      if (start === this.#startCount) this.#dropZone.showError(toProblem(error))
    }
  }

  #mount(gateway: string, limits: UploaderOptions['limits']): void {
    const uploader = mountUploader({
      gateway,
      scriptOrigin: gateway,
      account: `${this.#account} ${gateway}`,
      headers: () => ({ authorization: `Bearer ${this.#bearer}` }),
      dropTarget: this.#dropZone.element,
      limits,
      target: () => ({
        id: this.getAttribute('folder'),
        name: this.path || strings.root,
        path: this.path,
      }),
      onStored: (file, { path }) => this.#dispatch('upload-success', { ...file, path }),
      onUnauthorized: ({ userMessage }) => this.#requireSignIn(userMessage),
      onChange: ({ name, size, state }) => {
        if (state.status === 'uploading') {
          this.#dispatch('upload-progress', { name, size, bytesUploaded: state.sent })
        }
        if (state.status !== 'failed') return
        const { code, userMessage: message } = state.problem
        this.#dispatch('upload-error', { name, size, code, message })
      },
    })
    this.#uploader = uploader
    this.shadowRoot?.append(uploader.element)
  }

  #unmount(): void {
    this.#uploader?.setOnHold(true)
    this.#uploader?.close()
    this.#uploader?.element.remove()
    this.#uploader = undefined
  }

  #requireSignIn(reason: string): void {
    clearBearer(this.gateway)
    this.#uploader?.setOnHold(true)
    this.#dropZone.showSignIn(reason)
  }

  #dispatch(name: string, detail: object): void {
    this.dispatchEvent(new CustomEvent(name, { detail, bubbles: true, composed: true }))
  }
}

// A page may include the script twice.
if (!customElements.get('driveway-upload')) customElements.define('driveway-upload', DrivewayUpload)
