// Elements from data. Text goes in as text nodes and attributes only: nothing here ever reads markup.

const SVG = "http://www.w3.org/2000/svg";

/** The element of the page with this id. */
export const at = (id) => document.getElementById(id);

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    element.setAttribute(name, value === true ? "" : String(value));
  }
  for (const child of children.flat(3)) {
    if (child === null || child === undefined || child === false) continue;
    element.append(child instanceof Node ? child : String(child));
  }
  return element;
}

/** An HTML element. */
export const h = (name, attributes, ...children) => fill(document.createElement(name), attributes, children);

/** An SVG element. */
export const s = (name, attributes, ...children) => fill(document.createElementNS(SVG, name), attributes, children);

/** One of the page's symbols, for the eye only. */
export const icon = (name) => s("svg", { "aria-hidden": "true", class: "icon" }, s("use", { href: `#i-${name}` }));

/** Writes a text where another one stands, and touches nothing when it is the same. */
export function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** Whether somebody is reading or using this part of the page, so that it should stand still. */
export class Attention {
  static LASTS_MS = 20_000;

  constructor(element) {
    this.element = element;
    this.last = -Infinity;
    const noted = () => { this.last = performance.now(); };
    for (const name of ["pointermove", "pointerdown", "keydown", "focusin", "scroll"]) element.addEventListener(name, noted, { passive: true });
    element.addEventListener("pointerleave", () => { if (!this.#holdsFocus()) this.last = -Infinity; });
  }

  #holdsFocus() {
    return this.element.contains(document.activeElement) && document.activeElement.matches(":focus-visible");
  }

  get isHeld() {
    const selection = document.getSelection();
    if (selection && !selection.isCollapsed && this.element.contains(selection.anchorNode)) return true;
    if (performance.now() - this.last > Attention.LASTS_MS) return false;
    return this.#holdsFocus() || (matchMedia("(hover: hover)").matches && this.element.matches(":hover"));
  }
}
