// Blocks that change in structure: after an event that concerns one, its partial is fetched once (not a poll).
import { on, set } from "./live.js";

const GAP_MS = 500;
const waiting = new Map(); // block id -> timer
const loading = new Set(); // block ids on their way
const again = new Set(); // changed while they were on their way

const busy = (block) => block.querySelector("input:focus, select:focus, textarea:focus, details[open]");

async function fetchBlock(id) {
  waiting.delete(id);
  const block = document.getElementById(id);
  if (!block) return;
  if (busy(block)) return schedule(block); // somebody types or reads a menu: a little later
  loading.add(id);
  try {
    const headers = { "HX-Request": "true", "HX-Current-URL": location.href };
    const response = await fetch(block.dataset.refreshUrl, { headers, credentials: "same-origin" });
    if (response.ok && !response.redirected) put(id, await response.text());
  } catch {
    // the connection is gone: its return refreshes every block
  } finally {
    loading.delete(id);
    if (again.delete(id)) schedule(document.getElementById(id));
  }
}

function put(id, text) {
  const block = document.getElementById(id);
  if (block) htmx.swap(block, text, { swapStyle: "outerHTML" });
}

/** Fetch a block soon. Events within the gap cost one request; one during a request makes the next. */
function schedule(block) {
  if (!block || waiting.has(block.id)) return;
  if (loading.has(block.id)) return void again.add(block.id);
  waiting.set(block.id, setTimeout(() => fetchBlock(block.id), GAP_MS));
}

function concerned(kind) {
  for (const block of document.querySelectorAll("[data-refresh]")) {
    if (block.dataset.refresh.split(" ").includes(kind)) schedule(block);
  }
}

let countsWaiting = 0;

async function fetchCounts() {
  countsWaiting = 0;
  const response = await fetch("/shell/counts/");
  if (!response.ok) return;
  const counts = await response.json();
  set("shell.positions_open", counts.positions_open);
  set("shell.bots_running", counts.bots_running);
  set("notices.unread", counts.unread);
  for (const dot of document.querySelectorAll(".dot > .n")) dot.toggleAttribute("data-zero", counts.unread === 0);
}

function countsConcerned(kind) {
  if (["bot", "position", "trade", "notice"].includes(kind) && !countsWaiting) countsWaiting = setTimeout(fetchCounts, GAP_MS);
}

/** All blocks: after the connection was gone, or when something happened between the rendering and the first open. */
function everything() {
  for (const block of document.querySelectorAll("[data-refresh]")) schedule(block);
  if (!countsWaiting) countsWaiting = setTimeout(fetchCounts, GAP_MS);
}

export function startRefresh() {
  on("*", (_payload, kind) => concerned(kind));
  on("*", (_payload, kind) => countsConcerned(kind));
  on("missed", everything);
  on("connection", (state) => {
    if (state.open && state.again) everything();
  });
}
