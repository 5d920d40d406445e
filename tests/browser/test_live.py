"""What a trader sees and does in a real browser; the fixtures also refuse console errors and foreign hosts."""

import re

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.browser
HELD_BACK = """
const Real = WebSocket;
window.WebSocket = function (url) {
  const held = new EventTarget();
  window.letOpen = () => {
    const socket = new Real(url);
    held.send = (data) => socket.send(data);
    for (const kind of ["open", "message", "close"])
      socket.addEventListener(kind, (event) => held.dispatchEvent(new event.constructor(event.type, event)));
  };
  return held;
};
"""  # a socket that opens when the test says so


def live(visit) -> None:
    """The socket is open and the connection says so."""
    visit.page.wait_for_function("document.getElementById('conn').dataset.state === 'live'")


def test_pnl_changes_on_a_pushed_quote_without_a_reload(visit, site):
    page = visit.page
    page.evaluate("window.sameDocument = true")
    pnl = page.locator(f"[data-live='position.{site.facts['position']}.pnl']")
    value = page.locator("#kpis .kpi .big").first
    before, value_before = pnl.inner_text(), value.inner_text()
    site.tell(quote=["SOL", "175.00"])
    expect(pnl).not_to_have_text(before)
    expect(value).not_to_have_text(value_before)
    expect(pnl).to_contain_text("+")
    parts = page.eval_on_selector_all(
        "[data-period]",
        """periods => periods.map(period => [...period.querySelectorAll('.big .num, dd .num, dd.num')]
             .map(cell => Number(cell.textContent.replace(/,/g, '').replace('\\u2212', '-'))))""",
    )
    for total, realised, unrealised, fees in parts:
        assert round(realised + unrealised + fees, 2) == total
    cell = "cell => Number(cell.textContent.replace(/[,+]/g, '').replace('\\u2212', '-'))"
    rows = page.eval_on_selector_all("#positions tbody [data-live$='.pnl']", f"cells => cells.map({cell})")
    assert page.eval_on_selector("#positions [data-sum=pnl]", cell) == round(sum(rows), 2)
    assert page.evaluate("window.sameDocument")


def test_the_value_on_every_accounts_card_is_live(visit, site):
    visit.go("/exchange-accounts/")
    shown, other = site.facts["account"], site.facts["other_account"]
    cards = {name: visit.page.locator(f"main [data-live='account.{name}.equity']") for name in (shown, other)}
    expect(cards[other]).to_have_text("–")
    paid = {"free": "1", "in_positions": "0", "net_deposits": "10000"}
    site.tell(push=[site.facts["user"], "snapshot", {"account": other, "equity": "12345.678", **paid}])
    expect(cards[other]).to_have_text("12,345.68")
    expect(cards[shown]).not_to_have_text("12,345.68")
    site.tell(push=[site.facts["user"], "pnl", {"account": other, "positions": [], "unrealised": "0"}])  # a price waits
    site.tell(push=[site.facts["user"], "snapshot", {"account": shown, "equity": "9876.5", **paid}])
    expect(cards[shown]).to_have_text("9,876.50")
    expect(visit.page.locator(f".bar [data-live='account.{shown}.equity']")).to_have_text("9,876.50")
    expect(cards[other]).to_have_text("12,345.68")


def test_the_age_ticks_and_old_data_is_named(visit, site):
    site.tell(broadcast=["market", {"exchange": "binance", "connection": "live", "age_s": 0.1}])
    live(visit)
    site.tell(broadcast=["market", {"exchange": "binance", "connection": "stale", "age_s": 90}])
    visit.page.evaluate("Date.now = (real => () => real() + 60000)(Date.now.bind(Date))")
    # a message on its way while the clock jumps counts as new: the state follows when that one is old too
    expect(visit.page.locator("#conn")).to_have_attribute("data-state", "stale", timeout=25_000)
    expect(visit.page.locator("#conn .word")).to_have_text("stale")
    expect(visit.page.locator("#positions")).to_have_class("card stale")


def test_a_notice_is_shown_as_it_comes_and_not_as_markup(visit, site):
    notice = {"level": "warn", "title": "Spread too wide", "text": "<img src=x onerror=alert(1)>", "link": "/alerts/"}
    site.tell(push=[site.facts["user"], "notice", notice])
    toast = visit.page.locator(".toast")
    expect(toast).to_contain_text("Spread too wide")
    assert toast.locator("img").count() == 0


def test_a_bot_is_checked_while_typing_then_created_and_started(visit):
    page = visit.page
    visit.go("/bots/new/")
    page.fill("#f-stop_loss", "200")
    page.locator("#f-stop_loss").blur()
    expect(page.locator("#field-stop_loss")).to_have_class("field invalid")
    expect(page.locator("#preview-note")).to_contain_text("last valid values")
    page.fill("#f-stop_loss", "0.8")
    page.locator("#f-stop_loss").blur()
    expect(page.locator("#field-stop_loss")).to_have_class("field valid")
    expect(page.locator("#preview")).to_contain_text("2.00")
    page.fill("#f-name", "From the browser")
    page.click("button[value=start]")
    expect(page.locator("h1")).to_have_text("From the browser")
    expect(page.locator("#bot-live")).to_contain_text("Running")


def test_a_bots_page_follows_its_state(visit, site):
    visit.go(f"/bots/{site.facts['bot']}/")
    acts = visit.page.locator("#bot-acts")
    expect(acts).to_contain_text("Pause")
    site.tell(bot="paused")
    expect(acts).to_contain_text("Resume")
    expect(visit.page.locator("#bot-live")).to_contain_text("Paused")
    site.tell(bot="running")
    expect(acts).to_contain_text("Pause")


def test_what_happens_before_the_socket_opens_is_not_missed(visit, site):
    page, path = visit.page, f"/bots/{site.facts['bot']}/"
    page.add_init_script(HELD_BACK)
    page.goto(site.url + path)
    site.tell(bot="paused")
    while "Resume" not in page.request.get(site.url + path).text():
        page.wait_for_timeout(50)
    expect(page.locator("#bot-acts")).to_contain_text("Pause")
    page.evaluate("letOpen()")
    expect(page.locator("#bot-acts")).to_contain_text("Resume")
    site.tell(bot="running")
    expect(page.locator("#bot-acts")).to_contain_text("Pause")


def test_a_preset_fills_the_form(visit):
    visit.go("/bots/new/")
    visit.page.click("text=Scalper")
    expect(visit.page.locator("#f-profit_target")).to_have_value("0.015")
    expect(visit.page.locator("#preview-note")).to_contain_text("does not cover the fees")


def test_the_stop_panel_opens_by_keys_and_acts_on_every_page(visit):
    page = visit.page
    page.keyboard.press("Shift+Escape")
    expect(page.locator("#stop")).to_have_attribute("open", "")
    page.click("button.rung >> text=Reduce only")
    expect(page.locator(".stop-wrap .badge").first).to_contain_text("Reduce only")
    visit.go("/trades/")
    page.keyboard.press("Shift+Escape")
    page.click("text=Resume trading")
    expect(page.locator(".flash")).to_contain_text("Trading goes on")


def test_the_chart_draws_and_follows_quotes(visit, site):
    visit.go("/chart/SOL/USDT")
    expect(visit.page.locator("#chart canvas").first).to_be_visible()
    expect(visit.page.locator("#last-price")).to_be_visible()
    for price in ("176.00", "176.02", "176.04", "176.06"):  # the first may come before the page watches the symbol
        site.tell(quote=["SOL", price])
        visit.page.wait_for_timeout(1100)  # quotes go out once a second
    expect(visit.page.locator("#last-price")).to_contain_text("176.0")


def test_a_symbol_that_is_not_there_is_said(visit):
    visit.go("/chart/SOL/USDT")
    visit.page.fill("#symbol-pick", "nope")
    visit.page.locator("#symbol-pick").blur()
    expect(visit.page.locator("#symbol-none")).to_contain_text("Not scanned")
    visit.page.press("#symbol-pick", "Enter")
    expect(visit.page.locator(".flash")).to_contain_text("No symbol that Binance trades begins with “nope”")
    expect(visit.page.locator("h1")).to_have_text("SOL/USDT")
    visit.page.fill("#symbol-pick", "rune")
    visit.page.press("#symbol-pick", "Enter")
    expect(visit.page.locator("h1")).to_have_text("RUNE/USDT")


def test_the_theme_is_switched_and_kept(visit):
    visit.page.click("[data-action=theme] >> visible=true")
    assert visit.page.evaluate("document.documentElement.dataset.theme") == "dark"
    visit.go("/bots/")
    assert visit.page.evaluate("document.documentElement.dataset.theme") == "dark"


def test_no_page_scrolls_sideways_on_a_phone(phone, site):
    facts = site.facts
    pages = [
        "/",
        "/chart/SOL/USDT",
        "/signals/",
        "/models/",
        "/orders/",
        "/trades/",
        f"/trades/{facts['trade']}/",
        "/bots/",
        "/bots/new/",
        f"/bots/{facts['bot']}/",
        "/exchange-accounts/",
        "/exchange-accounts/new/",
        "/alerts/",
    ]
    for path in pages:
        phone.go(path)
        assert phone.page.evaluate("document.documentElement.scrollWidth <= innerWidth"), path
    phone.page.click("#stop summary")
    expect(phone.page.locator(".ladder")).to_be_in_viewport()


def test_a_phone_shows_what_an_order_is_for(phone, site):
    for path in ("/orders/", f"/bots/{site.facts['bot']}/", "/"):
        phone.go(path)
        line = phone.page.locator("td.at-f >> visible=true").first
        expect(line).to_contain_text("100 % filled")
        assert re.fullmatch(r"[\d,.]+ [A-Z]+ at [\d,.]+, 100 % filled", " ".join(line.inner_text().split())), path
        assert phone.page.evaluate("document.documentElement.scrollWidth <= innerWidth"), path
        phone.page.set_viewport_size({"width": 1280, "height": 900})
        expect(phone.page.locator("td.at-f >> visible=true")).to_have_count(0)
        phone.page.set_viewport_size({"width": 390, "height": 900})


def test_every_select_looks_like_one_of_ours(visit, site):
    paths = (f"/trades/{site.facts['position']}/", "/orders/", "/trades/", "/bots/new/", "/exchange-accounts/new/")
    for path in paths:
        visit.go(path)
        bare = visit.page.eval_on_selector_all("select", "found => found.filter(one => !one.closest('.input')).length")
        assert visit.page.locator("select").count() and bare == 0, path


def test_a_long_name_without_spaces_wraps_on_a_phone(phone, site):
    bot = f"/bots/{site.facts['bot']}/"
    phone.go(f"{bot}edit/")
    phone.page.fill("[name=name]", "W" * 80)
    phone.page.click("button.primary[type=submit]")
    expect(phone.page.locator("h1")).to_have_text("W" * 80)
    for path in (bot, "/bots/", "/", f"/trades/{site.facts['trade']}/", "/trades/", "/chart/SOL/USDT"):
        phone.go(path)
        assert phone.page.evaluate("document.documentElement.scrollWidth <= innerWidth"), path
