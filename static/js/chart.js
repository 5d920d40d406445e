// Candles with own entries and exits; the last candle follows the pushed quotes, closed ones come from the store.
import { CandlestickSeries, HistogramSeries, LineStyle, createChart, createSeriesMarkers } from "../vendor/lightweight-charts/lightweight-charts.standalone.production.mjs";
import { chartLook, colour, onTheme } from "./colours.js";
import { on, set, watch } from "./live.js";

const SECONDS = { "1m": 60, "3m": 180, "5m": 300, "15m": 900, "30m": 1800, "1h": 3600, "4h": 14400, "1d": 86400 };
const box = document.getElementById("chart");
const follow = box.dataset.follow === "1";
let timeframe = box.dataset.timeframe;
let last = null;
let lines = [];
let lastLine = null;
let data = { candles: [], markers: [], lines: [] };

const chart = createChart(box, { autoSize: true, ...chartLook() });
const places = Number(box.dataset.places);
const candles = chart.addSeries(CandlestickSeries, { lastValueVisible: false, priceLineVisible: false, priceFormat: { type: "price", precision: places, minMove: Number(box.dataset.tick) } });
const volume = chart.addSeries(HistogramSeries, { priceScaleId: "volume", priceFormat: { type: "volume" }, lastValueVisible: false, priceLineVisible: false });
chart.priceScale("volume").applyOptions({ scaleMargins: { top: 0.84, bottom: 0 } });
const markers = createSeriesMarkers(candles, []);

const bar = ([time, open, high, low, close]) => ({ time, open, high, low, close });
const bucket = (seconds) => seconds - (seconds % (SECONDS[timeframe] || 60));

/** Rising hollow, falling solid: the direction survives without colour. */
function paint() {
  chart.applyOptions(chartLook());
  candles.applyOptions({ upColor: colour("surface"), borderUpColor: colour("gain"), wickUpColor: colour("gain"), downColor: colour("loss"), borderDownColor: colour("loss"), wickDownColor: colour("loss") });
  volume.applyOptions({ color: colour("volume") });
  showMarks();
}

function showMarks() {
  const first = data.candles.length ? data.candles[0][0] : Infinity;
  markers.setMarkers(data.markers.filter((mark) => bucket(mark.time) >= first).map((mark) => ({
    time: bucket(mark.time),
    position: mark.side === "buy" ? "belowBar" : "aboveBar",
    shape: mark.side === "buy" ? "arrowUp" : "arrowDown",
    color: colour(mark.side === "buy" ? "gain" : "loss"),
    size: 1,
  })));
  for (const line of lines) candles.removePriceLine(line);
  const looks = { stop: ["loss", LineStyle.Solid], target: ["gain", LineStyle.Dashed], entry: ["text-2", LineStyle.Dotted] };
  lines = levels().map((level) => candles.createPriceLine({ price: Number(level.price), color: colour(looks[level.kind][0]), lineStyle: looks[level.kind][1], lineWidth: 1, title: level.title, axisLabelVisible: true }));
}

/** The newest price as a quiet line of its own: the label of a hollow candle would have no colour. */
function showLast() {
  if (!follow || !last) return;
  const look = { price: last.close, color: colour("text-2"), lineStyle: LineStyle.SparseDotted, lineWidth: 1, title: "", axisLabelVisible: true };
  if (lastLine) lastLine.applyOptions(look);
  else lastLine = candles.createPriceLine(look);
}

/** A trade's page brings its own plan; the symbol's page shows the open positions', equal levels of several once. */
function levels() {
  if (follow) {
    const found = new Map();
    for (const line of data.lines) {
      const key = `${line.kind} ${line.price}`;
      const count = (found.get(key)?.count || 0) + 1;
      found.set(key, { ...line, count, title: count > 1 ? `${line.title} \u00d7${count}` : line.title });
    }
    return [...found.values()];
  }
  return ["stop", "target", "entry"].filter((kind) => box.dataset[kind]).map((kind) => ({ kind, price: box.dataset[kind], title: kind[0].toUpperCase() + kind.slice(1) }));
}

function showRange() {
  if (follow) {
    const count = data.candles.length;
    chart.timeScale().setVisibleLogicalRange({ from: count - Math.min(count, Math.floor(box.clientWidth / 8)), to: count + 4 });
    return;
  }
  const step = SECONDS[timeframe] || 60;
  const from = Number(box.dataset.from);
  const to = Number(box.dataset.to) || Math.floor(Date.now() / 1000);
  const margin = Math.max(30 * step, (to - from) * 0.6);
  const known = data.candles;
  if (!known.length) return;
  chart.timeScale().setVisibleRange({ from: Math.max(known[0][0], from - margin), to: Math.min(known[known.length - 1][0], to + margin) });
}

/** All stored candles, and after them the one that the quotes are making. */
function showCandles() {
  candles.setData(data.candles.map(bar));
  volume.setData(data.candles.map((row) => ({ time: row[0], value: row[5] })));
  const stored = data.candles.length ? bar(data.candles[data.candles.length - 1]) : null;
  if (last && stored && last.time > stored.time) candles.update(last);
  else last = stored;
}

async function load() {
  const response = await fetch(`${box.dataset.url}?timeframe=${encodeURIComponent(timeframe)}`);
  if (!response.ok) return;
  data = await response.json();
  last = null;
  showCandles();
  const none = document.getElementById("chart-none");
  if (none) none.hidden = data.candles.length > 0;
  showMarks();
  showLast();
  showRange();
}

/** Newer closed candles and marks, once, after an event that says that there are some. */
async function catchUp() {
  if (!data.candles.length) return load();
  const newest = data.candles[data.candles.length - 1][0];
  const response = await fetch(`${box.dataset.url}?timeframe=${encodeURIComponent(timeframe)}&since=${newest * 1000}`);
  if (!response.ok) return;
  const found = await response.json();
  const rows = new Map([...data.candles, ...found.candles].map((row) => [row[0], row]));
  data.candles = [...rows.values()].sort((one, other) => one[0] - other[0]);
  showCandles();
  data.markers = found.markers;
  data.lines = found.lines;
  showMarks();
}

function quoted(quote) {
  if (quote.symbol !== box.dataset.symbol) return;
  const price = (Number(quote.bid) + Number(quote.ask)) / 2;
  set(`quote.${quote.symbol}.mid`, price.toFixed(places));
  if (!last) return;
  const time = bucket(Math.floor(Date.parse(quote.at) / 1000));
  if (time < last.time) return;
  if (time > last.time) setTimeout(catchUp, 4000); // a candle closed: its volume and exact close are stored by then
  last = time === last.time ? { ...last, high: Math.max(last.high, price), low: Math.min(last.low, price), close: price } : { time, open: last.close, high: Math.max(last.close, price), low: Math.min(last.close, price), close: price };
  candles.update(last);
  showLast();
}

let waiting = 0;
function soon() {
  clearTimeout(waiting);
  waiting = setTimeout(catchUp, 600);
}

onTheme(paint);
load();
if (follow) {
  watch(box.dataset.exchange, box.dataset.symbol);
  on("quote", quoted);
  for (const kind of ["scan", "signal", "fill", "position", "trade"]) on(kind, soon);
  on("connection", (state) => state.open && state.again && soon());
}
if (!follow && !box.dataset.to) for (const kind of ["fill", "trade"]) on(kind, soon); // an open trade's own page
for (const input of document.querySelectorAll("input[name=timeframe]")) {
  input.addEventListener("change", () => {
    timeframe = input.value;
    load();
  });
}
const pick = document.getElementById("symbol-pick");
if (pick) {
  const form = document.getElementById("symbol-form");
  const none = document.getElementById("symbol-none");
  const go = (event) => {
    const known = [...document.querySelectorAll("#symbols option")].map((option) => option.value);
    const typed = pick.value.trim().toUpperCase();
    const found = known.find((symbol) => symbol === typed) || known.find((symbol) => symbol.startsWith(typed));
    none.textContent = typed && !found ? "Not scanned. Enter looks through all." : "";
    if (typed && found) location.assign(`/chart/${found}`);
    else if (typed && event.type === "submit") form.submit(); // the server knows those that are not scanned, too
  };
  pick.addEventListener("change", go);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    go(event);
  });
}
