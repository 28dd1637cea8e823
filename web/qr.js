/**
 * A link as a QR code, in an SVG: always dark on light, whatever the theme, since cameras expect that.
 */

import { encode } from './vendor/uqr.mjs';

const SVG = 'http://www.w3.org/2000/svg';
/** Modules of quiet around the code; the standard asks for so many. */
const QUIET = 4;

/**
 * @param {string} text
 * @param {string} label what it is, for people who do not see it
 * @returns {SVGSVGElement}
 */
export function qrCode(text, label) {
  const { data, size } = encode(text, { ecc: 'M', border: QUIET });
  const svg = document.createElementNS(SVG, 'svg');
  svg.setAttribute('viewBox', `0 0 ${size} ${size}`);
  svg.setAttribute('shape-rendering', 'crispEdges');
  svg.setAttribute('role', 'img');
  svg.setAttribute('aria-label', label);
  const path = document.createElementNS(SVG, 'path');
  path.setAttribute('d', data.flatMap((row, y) => row.map((dark, x) => (dark ? `M${x} ${y}h1v1h-1z` : ''))).join(''));
  svg.append(path);
  return svg;
}
