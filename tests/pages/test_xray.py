"""The heat map: one tile a symbol, coloured by trend, sized by volume."""

import re

import pytest
from django.urls import reverse

from accounts.clock import now
from signals.models import Instrument, SymbolXray


@pytest.fixture
def rows(world) -> list[SymbolXray]:
    """Two symbols that are known, and one that is not."""
    made = []
    for base, volume, trend in (("ETH", 5.0, 0.7), ("SOL", 9.0, -0.31), ("UNI", 1.0, None)):
        Instrument.objects.filter(base=base).update(volume_quote_24h=volume)
        made.append(SymbolXray.objects.create(
            instrument=world.markets[base], timeframe="1m", candle_open_time=now(), regime_since=now(), trend=trend,
            regime="unknown" if trend is None else "trend_up" if trend > 0 else "panic",
        ))  # fmt: skip
    return made


def told(text: str) -> list[tuple[str, str, str]]:
    tiles = re.findall(r'class="tile (\w*) h-(\w+)"(.*?)</a>', text, re.S)
    return [(re.search(r"<b>(\w+)</b>", body)[1], heat, re.search(r'"s">(.*?)<', body)[1]) for _, heat, body in tiles]


def test_tiles_by_volume(page, rows, settings):
    settings.XRAY_TIMEFRAMES = ["1m", "5m"]
    text = page.get(reverse("xray")).content.decode()
    assert told(text) == [("SOL", "n2", "\N{MINUS SIGN}31"), ("ETH", "p3", "+70"), ("UNI", "0", "?")]
    assert "3 symbols" in text and re.search(r"Panic <span class=\"num\">1<", text) and 'aria-current="page"' in text


def test_filters(page, rows, settings):
    settings.XRAY_TIMEFRAMES = ["1m", "5m"]
    assert [one[0] for one in told(page.get(reverse("xray") + "?regime=panic").content.decode())] == ["SOL"]
    assert "No symbol is in this regime" in page.get(reverse("xray") + "?regime=range").content.decode()
    assert len(told(page.get(reverse("xray") + "?regime=nonsense").content.decode())) == 3
    assert "No X-ray yet" in page.get(reverse("xray") + "?timeframe=5m").content.decode()
    assert len(told(page.get(reverse("xray") + "?timeframe=7m").content.decode())) == 3


def test_symbols_cost_no_queries(page, rows, django_assert_max_num_queries):
    with django_assert_max_num_queries(14):
        page.get(reverse("xray"))


def test_the_map_is_fetched_alone_after_a_scan(page, rows):
    text = page.get(reverse("xray"), headers={"HX-Request": "true"}).content.decode()
    assert len(told(text)) == 3 and "<html" not in text and 'id="xray-map"' in text


def test_one_symbol(page, rows, settings, tmp_path):
    settings.VAR_DIR = tmp_path
    SymbolXray.objects.filter(pk=rows[1].pk).update(
        volatility=0.5, support=1.25, strategy_note="No trades have been measured in this regime."
    )
    text = page.get(reverse("xray_symbol", args=[rows[1].instrument.symbol])).content.decode()
    for words in ("\N{MINUS SIGN}31", "left:35%;width:15%", ">50<", "not known yet", "1.3 ATR below", "none near",
                  "No trades have been measured", "No history yet"):  # fmt: skip
        assert words in text
    SymbolXray.objects.filter(pk=rows[1].pk).delete()
    assert "No X-ray of" in page.get(reverse("xray_symbol", args=[rows[1].instrument.symbol])).content.decode()
    assert page.get(reverse("xray_symbol", args=["NOT/THERE"])).status_code == 404
