// One socket to the platform: connection state, reconnect with back-off, and text updates by data-live names.
import { formats, tone } from "./format.js";

const BACK_OFF_MS = [500, 1000, 2000, 4000, 8000, 15000];
const listeners = new Map();
const watched = new Map();
let socket = null;
let attempts = 0;
let everOpen = false;

export const connection = { open: false };

/** Call `callback(payload, kind)` for each message of `kind` ("*" for all). */
export function on(kind, callback) {
  if (!listeners.has(kind)) listeners.set(kind, []);
  listeners.get(kind).push(callback);
}

/** Ask for a market's candles and quotes on this page; asked again after each reconnect. */
export function watch(exchange, symbol, timeframe) {
  watched.set(`${exchange} ${symbol}`, { action: "watch", exchange, symbol, timeframe });
  if (connection.open) socket.send(JSON.stringify(watched.get(`${exchange} ${symbol}`)));
}

function tell(kind, data) {
  for (const callback of [...(listeners.get(kind) || []), ...(listeners.get("*") || [])]) callback(data, kind);
}

function flash(element, up) {
  const name = up ? "tick-up" : "tick-down";
  element.classList.remove("tick-up", "tick-down");
  void element.offsetWidth; // restarts the animation
  element.classList.add(name);
}

/** Write one value into one element the way its data-fmt says; flash when a number moved. */
export function write(element, value) {
  const format = formats[element.dataset.fmt] || formats.text;
  const places = element.dataset.places === undefined ? 2 : Number(element.dataset.places);
  const text = format(value, places) + (element.dataset.suffix || "");
  if (element.textContent === text) return;
  const before = Number(element.dataset.value);
  element.textContent = text;
  if (element.dataset.fmt && element.dataset.fmt.includes("signed")) {
    element.classList.remove("gain", "loss", "flat");
    element.classList.add(tone(value));
  }
  if (element.dataset.value !== undefined && Number(value) !== before) flash(element, Number(value) > before);
  element.dataset.value = value;
}

/** Update every element named `name` (all copies of a value on the page). */
export function set(name, value) {
  for (const element of document.querySelectorAll(`[data-live="${CSS.escape(name)}"]`)) write(element, value);
}

/** Update all fields of one object: names are `<prefix>.<field>`. */
export function setAll(prefix, fields) {
  for (const [field, value] of Object.entries(fields)) {
    if (value !== null && typeof value === "object") continue;
    set(`${prefix}.${field}`, value);
  }
}

function received(event) {
  const message = JSON.parse(event.data);
  tell(message.kind, message.payload || {});
}

function opened() {
  const again = everOpen;
  connection.open = true;
  document.documentElement.dataset.socket = "open"; // also tells tests that the page listens
  everOpen = true;
  attempts = 0;
  for (const request of watched.values()) socket.send(JSON.stringify(request));
  if (!again) socket.send(JSON.stringify({ action: "since", at: Number(document.body.dataset.renderedAt) }));
  tell("connection", { open: true, again });
}

function closed(event) {
  connection.open = false;
  document.documentElement.dataset.socket = "closed";
  tell("connection", { open: false, code: event.code });
  if (event.code === 4401) return; // the session ended: a new login is needed, not another try
  const wait = BACK_OFF_MS[Math.min(attempts, BACK_OFF_MS.length - 1)] * (0.8 + Math.random() * 0.4);
  attempts += 1;
  setTimeout(connect, wait);
}

export function connect() {
  const scheme = location.protocol === "https:" ? "wss" : "ws";
  socket = new WebSocket(`${scheme}://${location.host}${document.body.dataset.livePath}`);
  socket.addEventListener("open", opened);
  socket.addEventListener("message", received);
  socket.addEventListener("close", closed);
}
