/** A page as in Uppy's documentation; only the tus endpoint is specific to Driveway. */
import Uppy from '@uppy/core'
import Tus from '@uppy/tus'

const [, chunkSize] = /chunk=(\d+)/.exec(location.search) ?? []

const uppy = new Uppy().use(Tus, {
  endpoint: '/upload/tus',
  retryDelays: [0, 500, 1000, 2000, 4000, 8000],
  ...(chunkSize === undefined ? {} : { chunkSize: Number(chunkSize) }),
})

const input = document.createElement('input')
input.type = 'file'
input.addEventListener('change', () => {
  for (const file of input.files ?? []) {
    uppy.addFile({ name: file.name, type: file.type, data: file })
  }
})
document.body.append(input)

/** Exposes Uppy to the test. */
Object.assign(globalThis, { uppy })
