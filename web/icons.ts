/** The page's SVG icons (24×24), the logo, and the illustration of the sign-in view. */
import { svg } from './dom.ts'

const page = 'M6 3h8l4 4v14H6zM14 3v4h4'
const frame = 'M4 5h16v14H4z'

const paths = {
  folder: 'M3 18V6h6l2 2h10v10z',
  page: `${page}M9 12h6M9 16h6`,
  doc: `${page}M9 11h3M9 14h6M9 17h6`,
  file: page,
  sheet: `${frame}M4 10h16M4 14.5h16M10 10v9`,
  slides: 'M4 5h16v11H4zM12 16v4M8 20h8',
  image: `${frame}M4 16l5-5 4 4 2.5-2.5L20 17M15.5 9.5h.01`,
  video: `${frame}M10 9l5 3-5 3z`,
  audio:
    'M9 17V6l10-2v11M9 17a2.5 2.5 0 1 1-5 0 2.5 2.5 0 0 1 5 0zM19 15a2.5 2.5 0 1 1-5 0 2.5 2.5 0 0 1 5 0z',
  archive: 'M4 8h16v12H4zM3 4h18v4H3zM10 12h4',
  shortcut: 'M8 16 16 8M9 8h7v7',
  upload: 'M12 16V5M7 9.5 12 4.5l5 5M4 19.5h16',
  terminal: `${frame}M7.5 9.5 10 12l-2.5 2.5M12.5 14.5h4`,
  alert: 'M12 4 2.5 20h19zM12 10v5M12 17.5h.01',
  eye: 'M2.5 12C5 7.5 8.3 5.5 12 5.5s7 2 9.5 6.5c-2.5 4.5-5.8 6.5-9.5 6.500S5 16.5 2.5 12zM12 9.500a2.5 2.5 0 1 1 0 5 2.5 2.5 0 0 1 0-5z',
  search: 'M10.5 4.500a6 6 0 1 1 0 12 6 6 0 0 1 0-12zM15 15l5 5',
  download: 'M12 4.500v11M7 11l5 5 5-5M4 19.500h16',
  'external-link': 'M9 5H5v14h14v-4M13 5h6v6M19 5l-8.5 8.5',
  more: 'M12 5.500h.01M12 12h.01M12 18.500h.01',
  up: 'M7 14l5-5 5 5',
  down: 'M7 10l5 5 5-5',
  'new-folder': 'M3 18V6h6l2 2h10v10zM12 10.500v5M9.5 13h5',
  camera: 'M4 8h4l1.5-2.500h5L16 8h4v11H4zM12 10.500a3 3 0 1 1 0 6 3 3 0 0 1 0-6z',
  key: 'M15 4.500a4.5 4.5 0 1 1-3.2 7.700L4.5 19.500H8v-2.500h2.500v-2.500M15.5 8.500h.01',
  'sign-out': 'M13 4.500H5v15h8M10 12h10M16.5 8.5 20 12l-3.5 3.5',
  blocked: 'M12 4a8 8 0 1 1 0 16 8 8 0 0 1 0-16zM6.5 6.500l11 11',
  done: 'M12 4a8 8 0 1 1 0 16 8 8 0 0 1 0-16zM8.5 12l2.5 2.5 4.5-5',
  pdf: `${page}M9 13h6M9 16.500h4`,
  empty: 'M3 18V6h6l2 2h10v10zM12 11v5M9.5 13.500h5',
} as const

export type IconName = keyof typeof paths

export function icon(name: IconName): SVGSVGElement {
  return svg('0 0 24 24', `icon icon-${name}`, { d: paths[name] })
}

export function logo(): SVGSVGElement {
  return svg(
    '0 0 32 32',
    'logo',
    {
      class: 'logo-background',
      d: 'M8 0h16a8 8 0 0 1 8 8v16a8 8 0 0 1-8 8H8a8 8 0 0 1-8-8V8a8 8 0 0 1 8-8z',
    },
    { class: 'logo-road', d: 'M12.6 7h6.8L26 26H6z' },
    { class: 'logo-line', d: 'M16 9.500v3M16 15.500v3.500M16 22v4' },
  )
}

/** A decorative illustration of a road over hills. */
export function roadIllustration(): SVGSVGElement {
  const scene = svg(
    '0 0 1200 220',
    'road',
    { class: 'hill-far', d: 'M0 110C160 50 320 40 480 80S800 120 950 60 1130 40 1200 55V220H0z' },
    { class: 'hill-near', d: 'M0 150C200 95 400 90 600 115S1000 140 1200 90V220H0z' },
    {
      class: 'lane',
      d: 'M639 119C633 121 614 129 608 133 603 138 602 143 604 148 606 153 613 157 618 162 624 167 633 172 636 177 639 182 642 186 639 191 636 196 629 201 617 206 605 210 578 218 570 220L751 220C752 218 759 210 757 206 756 201 752 196 744 191 735 186 722 182 709 177 696 172 678 167 665 162 652 157 637 153 630 148 622 143 617 138 620 133 622 129 640 121 644 119z',
    },
    {
      class: 'lane-line',
      d: 'M617 148C622 153 633 157 642 162 651 167 664 172 673 177 681 182 689 186 691 191 694 196 692 201 687 206 682 210 665 218 660 220',
    },
  )
  scene.setAttribute('preserveAspectRatio', 'xMidYMax slice')
  return scene
}
