// Light, dark, or as the device says: the choice stays in this browser.

import { at, write } from "./dom.js";

const KEPT_AS = "homecoming.theme";
const NAMES = { auto: "Auto", light: "Light", dark: "Dark" };
const NEXT = { auto: "light", light: "dark", dark: "auto" };

function kept() {
  try {
    return NAMES[localStorage.getItem(KEPT_AS)] ? localStorage.getItem(KEPT_AS) : "auto";
  } catch {
    return "auto";
  }
}

function show(theme) {
  if (theme === "auto") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
  write(at("theme-text"), NAMES[theme]);
  at("theme").setAttribute("aria-label", `Colours: ${NAMES[theme]}. Change to ${NAMES[NEXT[theme]]}`);
}

export function begin() {
  let theme = kept();
  show(theme);
  at("theme").addEventListener("click", () => {
    theme = NEXT[theme];
    try {
      localStorage.setItem(KEPT_AS, theme);
    } catch {
      // Then it is forgotten with the page.
    }
    show(theme);
  });
}
