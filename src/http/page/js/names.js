// Ids come from outside and may want to do harm. They are shown as what they are: one isolated piece of text, what can't
// be seen made visible, the rest cut off with the whole on demand.

import { h } from "./dom.js";

// What has no shape of its own or changes how its neighbours are drawn: controls, directions, what joins or has no
// width, fillers and tags.
const UNSEEN = /[\u0000-\u001f\u007f-\u00a0\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2000-\u200f\u2028-\u202f\u205f-\u206f\u3000\u3164\ufeff\uffa0\ufff0-\uffff\ud800-\udfff]|[\u{e0000}-\u{e0fff}]|[\u{1d173}-\u{1d17a}]|^ +| +$| {2,}/gu;
const JOINED = /\p{Extended_Pictographic}\ufe0f?[\u{1f3fb}-\u{1f3ff}]?\u200d(?=\p{Extended_Pictographic})/gu;

/** How much of an id a list shows at most, in characters of the screen. */
const IN_LISTS = 64;

const codeOf = (piece) => [...piece].map((one) => `U+${one.codePointAt(0).toString(16).toUpperCase().padStart(4, "0")}`).join(" ");

function shapeOf(piece) {
  const code = piece.codePointAt(0);
  if (/^ +$/.test(piece)) return "\u2423".repeat(piece.length);
  if (code < 0x20) return String.fromCodePoint(0x2400 + code);
  if (code === 0x7f) return "\u2421";
  return codeOf(piece);
}

/** The pieces of a text: what can be seen, and what can't. */
export function pieces(text) {
  const joints = new Set();
  for (const match of text.matchAll(JOINED)) joints.add(match.index + match[0].length - 1);
  const found = [];
  let from = 0;
  for (const match of text.matchAll(UNSEEN)) {
    if (joints.has(match.index)) continue;
    if (match.index > from) found.push({ seen: text.slice(from, match.index) });
    found.push({ unseen: shapeOf(match[0]), code: codeOf(match[0]) });
    from = match.index + match[0].length;
  }
  if (from < text.length) found.push({ seen: text.slice(from) });
  return found;
}

/** The id as an element of its own that can't reach out of it. */
export function name(id, { isWhole = false } = {}) {
  const text = String(id);
  const shown = [...text];
  const isCut = !isWhole && shown.length > IN_LISTS;
  const visible = isCut ? shown.slice(0, IN_LISTS).join("") : text;
  const nodes = pieces(visible).map((piece) => (piece.seen === undefined ? h("span", { class: "unseen-sign", title: piece.code }, piece.unseen) : piece.seen));
  return h("bdi", { class: isWhole ? "id whole" : "id", translate: "no", title: isWhole ? null : plain(text) }, nodes, isCut ? "…" : null);
}

/** The id for where only plain text can be: titles, labels, what is copied. */
export const plain = (id) => pieces(String(id)).map((piece) => piece.seen ?? (/^U\+/.test(piece.unseen) ? `[${piece.unseen}]` : piece.unseen)).join("");
