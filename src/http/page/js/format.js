// Numbers, money and dates in the reader's own way of writing them; words stay English.

const locales = navigator.languages?.length ? [...navigator.languages] : undefined;

function locale() {
  try {
    return Intl.getCanonicalLocales(locales);
  } catch {
    return undefined;
  }
}

const LOCALE = locale();
const kept = new Map();

function formatter(kind, options) {
  const key = `${kind}${JSON.stringify(options)}`;
  if (!kept.has(key)) {
    if (kept.size > 200) kept.clear();
    kept.set(key, new Intl[kind](LOCALE, options));
  }
  return kept.get(key);
}

export const count = (number) => formatter("NumberFormat", {}).format(number);

/** A share such as 0.417 as a percentage, with so many decimals at most. */
export const percent = (share, digits = 1) =>
  formatter("NumberFormat", { style: "percent", minimumFractionDigits: 0, maximumFractionDigits: digits }).format(share);

/** A probability: whole percents, but never a certainty that it is not. */
export function chance(p) {
  if (p > 0 && p < 0.01) return `under ${percent(0.01, 0)}`;
  if (p < 1 && p > 0.99) return `over ${percent(0.99, 0)}`;
  return percent(p, 0);
}

/** A difference of two shares in percentage points, without its sign. */
export const points = (difference) => formatter("NumberFormat", { minimumFractionDigits: 1, maximumFractionDigits: 1 }).format(Math.abs(difference) * 100);

/** A decimal that came as text, in its currency. The text is formatted as it is: no float comes between. */
export function money(amount, currency) {
  const text = String(amount);
  const decimals = text.includes(".") ? text.length - text.indexOf(".") - 1 : 0;
  try {
    const digits = Math.min(decimals, 20);
    return formatter("NumberFormat", { style: "currency", currency, minimumFractionDigits: digits, maximumFractionDigits: digits }).format(text);
  } catch {
    return `${text} ${currency}`;
  }
}

/** The sum of decimals that came as texts. */
export function sum(amounts) {
  const decimals = Math.max(0, ...amounts.map((text) => (text.includes(".") ? text.length - text.indexOf(".") - 1 : 0)));
  const minor = (text) => {
    const [, sign, whole, part = ""] = /^(-?)(\d+)(?:\.(\d+))?$/.exec(text) ?? [null, "", "0"];
    return BigInt(`${sign}${whole}${part.padEnd(decimals, "0")}`);
  };
  const total = amounts.reduce((all, text) => all + minor(text), 0n);
  const digits = (total < 0n ? -total : total).toString().padStart(decimals + 1, "0");
  const cut = digits.length - decimals;
  return `${total < 0n ? "-" : ""}${digits.slice(0, cut)}${decimals > 0 ? `.${digits.slice(cut)}` : ""}`;
}

let zone = "UTC";

/** The shop's time zone, in which days and hours are told. */
export function tellTimeIn(name) {
  if (name === zone) return;
  try {
    new Intl.DateTimeFormat(LOCALE, { timeZone: name });
    zone = name;
  } catch {
    zone = "UTC";
  }
}

/** A moment, parsed; null when there is none. */
export function moment(text) {
  const ms = text === null || text === undefined ? NaN : Date.parse(text);
  return Number.isNaN(ms) ? null : ms;
}

const told = (options) => (text) => {
  const ms = typeof text === "number" ? text : moment(text);
  return ms === null ? "" : formatter("DateTimeFormat", { timeZone: zone, ...options }).format(ms);
};

export const dayAndTime = told({ day: "numeric", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit" });
export const shortTime = told({ day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" });
export const day = told({ day: "numeric", month: "short", year: "numeric" });
export const shortDay = told({ day: "numeric", month: "short" });

/** A month such as `2026-03`. */
export const month = (text) => formatter("DateTimeFormat", { timeZone: "UTC", month: "short", year: "numeric" }).format(Date.parse(`${text}-15T00:00:00Z`));

/** A business day such as `2026-03-01`, whatever the zone. */
export const businessDay = (text) => formatter("DateTimeFormat", { timeZone: "UTC", day: "numeric", month: "short" }).format(Date.parse(`${text}T12:00:00Z`));

export const many = (number, one, more = `${one}s`) => `${count(number)} ${number === 1 ? one : more}`;

/** A length of time in days, as people say it. */
export function days(length) {
  if (length < 1 / 24) return many(Math.max(1, Math.round(length * 1440)), "minute");
  if (length < 0.98) return many(Math.round(length * 24), "hour");
  if (length < 2.95) {
    const tenths = Math.round(length * 10) / 10;
    return many(tenths, "day");
  }
  return many(Math.round(length), "day");
}

/** The number alone where the unit was said before: silent for 50 days where 12 are usual. */
export const daysAlone = (length) => (length < 2.95 ? days(length) : count(Math.round(length)));

export function seconds(length) {
  if (length < 1) return "less than a second";
  if (length < 90) return many(Math.round(length), "second");
  if (length < 5400) return many(Math.round(length / 60), "minute");
  return days(length / 86_400);
}
