// Blocks that change in structure: after an event that concerns one, its partial is fetched once (not a poll).
import { on } from "./live.js";

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

export function startRefresh() {
  on("*", (_payload, kind) => concerned(kind));
  on("connection", (state) => {
    if (state.open && state.again) for (const block of document.querySelectorAll("[data-refresh]")) schedule(block);
  });
}
