// Writes numbers and times exactly as trading/templatetags/xray.py does. Amounts arrive as decimal text.
const MINUS = "\u2212";
const DASH = "\u2013";

/** Digits of |text| rounded half away from zero to `places`, without losing precision to floats. */
function rounded(text, places) {
  const [whole, fraction = ""] = text.replace(/^[+-]/, "").split(".");
  const padded = fraction.padEnd(places + 1, "0");
  let digits = BigInt(whole + padded.slice(0, places));
  if (padded[places] >= "5") digits += 1n;
  const plain = digits.toString().padStart(places + 1, "0");
  return places ? [plain.slice(0, -places), plain.slice(-places)] : [plain, ""];
}

function plain(value) {
  const text = String(value);
  return /e/i.test(text) ? Number(text).toFixed(12) : text;
}

export function money(value, places = 2) {
  if (value === null || value === undefined || value === "") return DASH;
  const text = plain(value);
  const [whole, fraction] = rounded(text, places);
  const grouped = whole.replace(/\B(?=(\d{3})+$)/g, ",");
  const body = fraction ? `${grouped}.${fraction}` : grouped;
  return text.startsWith("-") && /[1-9]/.test(body) ? MINUS + body : body;
}

export function signed(value, places = 2) {
  const text = money(value, places);
  return text === DASH || text.startsWith(MINUS) || !/[1-9]/.test(text) ? text : `+${text}`;
}

export function percent(fraction, places = 2) {
  return fraction === null || fraction === undefined || fraction === "" ? DASH : money(String(Number(fraction) * 100), places);
}

export function percentSigned(fraction, places = 2) {
  return fraction === null || fraction === undefined || fraction === "" ? DASH : signed(String(Number(fraction) * 100), places);
}

export function span(seconds) {
  const total = Math.max(0, Math.floor(seconds));
  const parts = [[Math.floor(total / 86400), "d"], [Math.floor(total / 3600) % 24, "h"], [Math.floor(total / 60) % 60, "m"], [total % 60, "s"]];
  while (parts.length > 1 && parts[0][0] === 0) parts.shift();
  return parts.slice(0, 2).map(([count, unit]) => `${count} ${unit}`).join(" ");
}

export function age(seconds) {
  if (!Number.isFinite(seconds)) return "no data yet";
  if (seconds < 10) return `${Math.max(0, seconds).toFixed(1)} s ago`;
  return `${seconds < 60 ? Math.floor(seconds) + " s" : span(seconds).split(" ").slice(0, 2).join(" ")} ago`;
}

export const tone = (value) => (Number(value) > 0 ? "gain" : Number(value) < 0 ? "loss" : "flat");

export const formats = { money, signed, percent, percent_signed: percentSigned, text: (value) => (value ?? DASH) };
