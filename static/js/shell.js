// Parts of every page: theme, STOP shortcut, menus, ages that tick, connection state, toasts.
import { age, span } from "./format.js";
import { connection, on } from "./live.js";

const STALE_AFTER_S = 15;
const WORDS = { live: "live", stale: "stale", down: "disconnected", off: "not read here" };
const conn = document.getElementById("conn");
let exchangeState = conn ? conn.dataset.state : "down";
let lastEventAt = conn && conn.dataset.at ? Date.parse(conn.dataset.at) : NaN;
let pageWasConnected = false;

/** Show when the newest data is from; every clock on the page follows. */
export function heard(at) {
  const moment = at ? Date.parse(at) : Date.now();
  if (!(moment <= lastEventAt)) lastEventAt = moment;
}

function stateNow() {
  if (!connection.open && pageWasConnected) return "down";
  if (exchangeState === "down" || exchangeState === "off") return exchangeState;
  return (Date.now() - lastEventAt) / 1000 > STALE_AFTER_S || Number.isNaN(lastEventAt) ? "stale" : "live";
}

function paintConnection() {
  if (!conn) return;
  const state = stateNow();
  if (conn.dataset.state !== state) conn.dataset.state = state;
  const word = conn.querySelector(".word");
  if (word.textContent !== WORDS[state]) word.textContent = WORDS[state];
  for (const copy of document.querySelectorAll("[data-conn-copy]")) copy.dataset.state = state;
  for (const card of document.querySelectorAll("[data-prices]")) card.classList.toggle("stale", state !== "live");
  for (const element of document.querySelectorAll("[data-age]")) element.textContent = age((Date.now() - lastEventAt) / 1000);
}

function paintClocks() {
  for (const element of document.querySelectorAll("[data-since]")) {
    const text = span((Date.now() - Date.parse(element.dataset.since)) / 1000) + (element.dataset.suffix || "");
    if (element.textContent !== text) element.textContent = text;
  }
}

function paintDate() {
  const words = new Date().toUTCString(); // "Sat, 21 Nov 2026 11:03:02 GMT"
  for (const element of document.querySelectorAll("[data-clock]")) element.textContent = `${words.slice(0, 3)} ${words.slice(5, 16)}, ${words.slice(17, 25)} UTC`;
}

export function toast(level, title, text, link) {
  const region = document.getElementById("toasts");
  if (!region) return;
  const icons = { ok: "ok", info: "info", warn: "warn", bad: "bad" };
  const box = document.createElement("div");
  box.className = `toast is-${level}`;
  box.setAttribute("role", level === "bad" ? "alert" : "status");
  const sprite = document.querySelector("svg.i use").getAttribute("href").split("#")[0];
  box.innerHTML = `<svg class="i" aria-hidden="true"><use href="${sprite}#i-${icons[level] || "info"}"/></svg><b></b><button class="btn ghost sm" type="button" aria-label="Close this message">Close</button><p></p>`;
  box.querySelector("b").textContent = title;
  box.querySelector("p").textContent = text || "";
  if (link && link.startsWith("/")) {
    const anchor = document.createElement("a");
    anchor.href = link;
    anchor.textContent = " Show";
    box.querySelector("p").append(anchor);
  }
  box.querySelector("button").addEventListener("click", () => box.remove());
  region.append(box);
  while (region.children.length > 4) region.firstElementChild.remove();
  if (level !== "bad") setTimeout(() => box.remove(), 8000);
}

function closeMenus(event) {
  for (const menu of document.querySelectorAll("details.menu[open], details.stop[open]")) {
    if (!menu.contains(event.target)) menu.open = false;
  }
}

function keys(event) {
  const stop = document.getElementById("stop");
  if (event.key !== "Escape" || !stop) return;
  if (event.shiftKey) {
    stop.open = true;
    stop.querySelector(".rung").focus();
    event.preventDefault();
    return;
  }
  for (const menu of document.querySelectorAll("details.menu[open], details.stop[open]")) {
    menu.open = false;
    menu.querySelector("summary").focus();
  }
}

function clicked(event) {
  if (event.target.closest("[data-action=theme]")) window.xraySwitchTheme();
  closeMenus(event);
}

export function startShell() {
  document.addEventListener("click", clicked);
  document.addEventListener("keydown", keys);
  on("connection", (state) => {
    if (state.open) pageWasConnected = true;
    if (state.code === 4401) location.assign(`${document.body.dataset.login}?next=` + encodeURIComponent(location.pathname));
    paintConnection();
  });
  on("market", (market) => {
    if (document.body.dataset.exchange && market.exchange !== document.body.dataset.exchange) return;
    exchangeState = market.connection || "live";
    if (market.age_s !== null && market.age_s !== undefined) heard(new Date(Date.now() - market.age_s * 1000).toISOString());
  });
  on("pnl", () => heard());
  on("notice", (notice) => {
    toast(notice.level || "info", notice.title || "Notice", notice.text, notice.link);
  });
  setInterval(paintConnection, 250);
  setInterval(paintClocks, 1000);
  setInterval(paintDate, 1000);
}
