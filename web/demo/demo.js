/** What a page does with what the element tells it. */
const heard = document.querySelector('#heard')
const most = 8

function note(words) {
  const line = document.createElement('li')
  line.textContent = words
  heard.querySelector('[data-empty]')?.remove()
  heard.prepend(line)
  while (heard.children.length > most) heard.lastElementChild.remove()
}

document.addEventListener('signin', ({ detail }) => note(`${detail.email} is signed in`))
document.addEventListener('signout', () => note('Signed out'))
document.addEventListener('stored', ({ detail }) => note(`${detail.name} is in Drive`))
document.addEventListener('failed', ({ detail }) => note(`${detail.name}: ${detail.words}`))
