/** The uploader's SVG icons (24×24). */
import { svg } from '../dom.ts'

const paths = {
  upload: 'M12 16V5M7 9.500 12 4.500l5 5M4 19.500h16',
  pause: 'M9 6v12M15 6v12',
  resume: 'M8 5.500v13l10-6.500z',
  cancel: 'M6.500 6.500l11 11M17.500 6.500l-11 11',
  retry: 'M19 12a7 7 0 1 1-2.200-5.100M19 4v4h-4',
  folder: 'M3 18V6h6l2 2h10v10z',
  camera: 'M3 7.500h4L9 5h6l2 2.500h4V19H3zM12 9.500a3.500 3.500 0 1 0 0 7 3.500 3.500 0 0 0 0-7z',
} as const

export type IconName = keyof typeof paths

export const icon = (name: IconName): SVGSVGElement =>
  svg('0 0 24 24', `icon icon-${name}`, { d: paths[name] })
