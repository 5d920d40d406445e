// Entry point of every page of a logged-in user.
import { connect, on, set, setAll, write } from "./live.js";
import { startRefresh } from "./refresh.js";
import { startShell } from "./shell.js";

const shown = document.body.dataset.account;
const single = document.body.dataset.accounts === "1";

/** Totals of a user with several accounts belong to no single account: only the named one's are shown. */
function totalsOf(payload) {
  return payload.account ? payload.account === shown : single;
}

on("pnl", (payload) => {
  for (const row of payload.positions || []) {
    setAll(`position.${row.id}`, row);
    moveDot(row);
  }
  showValue(payload);
  const valued = totalsOf(payload) && payload.equity !== undefined; // not while a token waits for a quote
  if (valued) restOf(payload);
  sumRows();
  if (valued) showWorth(payload);
});
on("snapshot", (payload) => {
  showValue(payload);
  if (!totalsOf(payload)) return;
  moveBases(payload.net_deposits);
  showWorth(payload);
});
on("bot", (payload) => setAll(`bot.${payload.id}`, payload));

const centsOf = (value) => Math.round(Number(value) * 100) || 0;
const sumOf = (cells) => [...cells].reduce((sum, cell) => sum + centsOf(cell.textContent.replace(/[,+]/g, "").replace("\u2212", "-")), 0);

/** The value on an account's own card, whichever account the page shows. */
function showValue({ account, equity }) {
  if (account && equity !== undefined) set(`account.${account}.equity`, equity);
}

/** Value, what of it is in positions, and cash as what remains; then the results that follow from it. */
function showWorth({ equity, in_positions: held }) {
  const cash = ((centsOf(equity) - centsOf(held)) / 100).toFixed(2);
  setAll(`account.${shown}`, { equity, in_positions: held, cash });
  countPeriods(Number(equity));
}

/** What is paid in or taken out while the page is open is no result: bases go along with it. */
function moveBases(deposits) {
  for (const { dataset } of document.querySelectorAll("[data-base][data-deposits]")) {
    if (!dataset.base || !dataset.deposits) continue;
    dataset.base = Number(dataset.base) + Number(deposits) - Number(dataset.deposits);
    dataset.deposits = deposits;
  }
}

/** The footer is the sum of the rows as they are written, in cents. */
function sumRows() {
  for (const footer of document.querySelectorAll("[data-sum]")) {
    const cells = footer.closest("table").querySelectorAll(`tbody [data-live$=".${footer.dataset.sum}"]`);
    write(footer, (sumOf(cells) / 100).toFixed(2));
  }
}

/** What the account holds besides its positions; left alone while the rows are not yet those of the message. */
function restOf(payload) {
  const rows = document.querySelectorAll("#positions tbody [data-live^='position.'][data-live$='.pnl']");
  if (Math.abs(sumOf(rows) - centsOf(payload.unrealised)) > rows.length + 1) return;
  const held = sumOf(document.querySelectorAll("#positions tbody [data-live^='position.'][data-live$='.value']"));
  const rest = (Math.max(0, centsOf(payload.in_positions) - held) / 100).toFixed(2);
  for (const field of ["pnl", "value", "at_stop"]) set(`rest.${field}`, rest);
}

/** The KPIs go on counting: PnL = value - base, and what is neither realised nor a fee is unrealised. */
function countPeriods(equity) {
  const today = document.getElementById("today");
  if (today && today.dataset.base) set("shell.today", (equity - Number(today.dataset.base)).toFixed(4));
  for (const period of document.querySelectorAll("[data-period]")) {
    const { period: key, base, realised, fees } = period.dataset;
    const pnl = Math.round((equity - Number(base)) * 100) / 100;
    set(`period.${key}.pnl`, pnl.toFixed(2));
    if (Number(period.dataset.start) > 0) set(`period.${key}.share`, pnl / Number(period.dataset.start));
    set(`period.${key}.unrealised`, (pnl - Number(realised) + Number(fees)).toFixed(2));
  }
}

/** The dot on the stop-to-target track follows the price. */
function moveDot(row) {
  for (const track of document.querySelectorAll(`[data-track="${CSS.escape(row.id)}"]`)) {
    const [stop, target] = [Number(track.dataset.stop), Number(track.dataset.target)];
    if (!(target > stop)) continue;
    const place = Math.max(0, Math.min(100, ((Number(row.last) - stop) / (target - stop)) * 100));
    track.style.setProperty("--p", `${place.toFixed(1)}%`);
  }
}

startShell();
startRefresh();
connect();
