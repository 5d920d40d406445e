// Blocks that change in structure: after an event that concerns one, its partial is fetched once (not a poll).
import { on, set } from "./live.js";

const GAP_MS = 700;
const waiting = new Map();

function fetchBlock(block) {
  waiting.delete(block.id);
  if (document.body.contains(block) && !block.querySelector("input:focus, select:focus, textarea:focus")) {
    htmx.ajax("GET", block.dataset.refreshUrl, { target: block, swap: "outerHTML" });
  }
}

/** Fetch a block soon; several events within the gap cost one request. */
function schedule(block) {
  if (waiting.has(block.id)) return;
  waiting.set(block.id, setTimeout(() => fetchBlock(document.getElementById(block.id) || block), GAP_MS));
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

export function startRefresh() {
  on("*", (_payload, kind) => concerned(kind));
  on("*", (_payload, kind) => countsConcerned(kind));
  on("connection", (state) => {
    if (state.open && state.again) for (const block of document.querySelectorAll("[data-refresh]")) schedule(block);
  });
}
