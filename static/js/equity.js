// Account value with its drawdown below, on one time axis; new snapshots are added as they come.
import { AreaSeries, createChart, createSeriesMarkers } from "../vendor/lightweight-charts/lightweight-charts.standalone.production.mjs";
import { chartLook, colour, onTheme } from "./colours.js";
import { on } from "./live.js";

const box = document.getElementById("equity");
const chart = createChart(box, { autoSize: true, ...chartLook(), handleScroll: { vertTouchDrag: false }, handleScale: { mouseWheel: false } });
const value = chart.addSeries(AreaSeries, { lineWidth: 2, priceLineVisible: false });
const drawdown = chart.addSeries(AreaSeries, { lineWidth: 1, priceLineVisible: false, invertFilledArea: true, priceFormat: { type: "custom", minMove: 0.01, formatter: (number) => `${number.toFixed(2).replace("-", "\u2212")} %` } }, 1);
let peak = -Infinity;
let first = Infinity; // time of the first point
let moved = false;
box.addEventListener("pointerdown", () => { moved = true; });
const moves = JSON.parse(document.getElementById("equity-moves")?.textContent || "[]"); // deposits and withdrawals
const marks = createSeriesMarkers(value, []);
let last = null; // time of the newest snapshot: between two of them its point follows the price

function paint() {
  chart.applyOptions(chartLook());
  value.applyOptions({ lineColor: colour("accent"), topColor: colour("area"), bottomColor: colour("area") });
  mark();
  drawdown.applyOptions({ lineColor: colour("loss"), topColor: colour("shade-loss"), bottomColor: colour("shade-loss") });
}

/** Arrows where money came or went, within what is shown. */
function mark() {
  marks.setMarkers(moves.filter(({ time }) => time >= first).map(({ time, came }) => ({ time, position: "belowBar", shape: came ? "arrowUp" : "arrowDown", color: colour("text-2"), text: came ? "in" : "out" })));
}

function show(points) {
  value.setData(points.map(([time, equity]) => ({ time, value: equity })));
  drawdown.setData(points.map(([time, , percent]) => ({ time, value: percent })));
  peak = points.reduce((best, [, equity]) => Math.max(best, equity), -Infinity);
  first = points.length ? points[0][0] - 60 : Infinity;
  mark();
  last = points.length ? points[points.length - 1][0] : null;
  chart.timeScale().fitContent();
}

async function choose(event) {
  const response = await fetch(`${box.dataset.url}?range=${encodeURIComponent(event.target.value)}`);
  if (response.ok) show((await response.json()).points);
}

onTheme(paint);
const [upper, lower] = chart.panes();
upper.setStretchFactor(4);
lower.setStretchFactor(1);
show(JSON.parse(document.getElementById("equity-points").textContent));
for (const input of document.querySelectorAll("input[name=range]")) input.addEventListener("change", choose);
function put(time, equity) {
  value.update({ time, value: equity });
  drawdown.update({ time, value: Math.min(0, (equity / peak - 1) * 100) });
}

const ours = (message) => message.equity !== undefined && (!message.account || message.account === document.body.dataset.account);

on("snapshot", (snapshot) => {
  if (!ours(snapshot)) return;
  const equity = Number(snapshot.equity);
  last = Math.max(last || 0, Math.floor(Date.parse(snapshot.at || new Date().toISOString()) / 1000));
  peak = Math.max(peak, equity);
  put(last, equity);
  if (!moved) chart.timeScale().fitContent(); // who dragged the chart looks at something
});
on("pnl", (pnl) => {
  if (ours(pnl) && last !== null) put(last, Number(pnl.equity));
});
