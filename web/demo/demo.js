/** Logs the events of `<driveway-upload>` on the page. */
const log = document.querySelector('#event-log')
const maxEntries = 8

function append(message) {
  const entry = document.createElement('li')
  entry.textContent = message
  log.querySelector('[data-empty]')?.remove()
  log.prepend(entry)
  while (log.children.length > maxEntries) log.lastElementChild.remove()
}

document.addEventListener('signin', ({ detail }) => append(`${detail.email} is signed in`))
document.addEventListener('signout', () => append('Signed out'))
document.addEventListener('upload-success', ({ detail }) => append(`${detail.name} is in Drive`))
document.addEventListener('upload-error', ({ detail }) =>
  append(`${detail.name}: ${detail.message}`),
)
