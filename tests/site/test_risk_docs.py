"""docs/risk.md has a line for every rule, with the defaults that are in force."""

import re
from decimal import Decimal
from pathlib import Path

import pytest

from trading.domain import risk
from trading.models import AccountLimits, BotConfig, OnBreach, PlatformLimits

TEXT = (Path(__file__).resolve().parents[2] / "docs" / "risk.md").read_text()
LINE = re.compile(r"^\| `(\w+)` \|([^|]*)\|([^|]*)\|([^|]+)\|$", re.MULTILINE)
ROWS = [tuple(cell.strip() for cell in row) for row in LINE.findall(TEXT)]
MODELS = {"bot": BotConfig, "account": AccountLimits, "platform": PlatformLimits}


def names(rules) -> list[str]:
    return [rule.__module__.rpartition(".")[2] for rule in rules]


def test_every_rule_has_its_line_in_the_order_in_which_they_are_asked():
    assert [name for name, *_ in ROWS] == names(risk.RULES)


def test_running_rules_are_marked():
    assert {name for name, *_, words in ROWS if "(runs too)" in words} == set(names(risk.RUNNING))


@pytest.mark.parametrize(("rule", "where", "default"), [row[:3] for row in ROWS if "`" in row[1]])
def test_where_it_is_set_and_its_default_are_true(rule, where, default):
    scopes, fields = re.match(r"([\w ]+): (.*)", where).groups()
    models = [MODELS[scope] for scope in scopes.split(" and ")]
    told = [word.split()[0] for word in default.split(", ")]
    stored = [getattr(model(), name) for model in models for name in re.findall(r"`(\w+)`", fields)]
    assert len(told) == len(stored), rule
    for word, value in zip(told, stored, strict=True):
        same = word == value if word.isalpha() else Decimal(word) == Decimal(value)
        assert same, f"{rule}: {word} is told, {value} is in force"


def test_sizes_and_what_a_reached_limit_does_are_told():
    for choice in (*BotConfig.Sizing.values, *OnBreach.values):
        assert re.search(rf"^\| `{choice}`", TEXT, re.MULTILINE), choice
