"""One source of defaults: the API, the form and the demo propose the same configuration, and the schema tells it."""

from decimal import Decimal

import pytest
from rest_framework.test import APIClient

from trading.forms import BotForm
from trading.services.bot_validation import LIMITS, config_defaults
from trading.services.presets import DEFAULT_PRESET, PRESETS

pytestmark = pytest.mark.django_db


def test_a_bot_made_by_the_api_is_the_one_that_the_form_proposes(anna) -> None:
    body = {"name": "second", "account": str(anna.account.public_id)}
    made = anna.client.post("/api/bots", body, format="json").json()["config"]
    form = BotForm.fresh(anna.user, values=PRESETS[DEFAULT_PRESET]["values"])
    form.raw = {**form.raw, "name": "third", "account": str(anna.account.public_id)}
    proposed = BotForm(user=anna.user, raw=form.raw, checked=True)
    assert not proposed.errors and "profit_target" not in proposed.warnings, "the default target covers the fees"
    for name in LIMITS:
        assert Decimal(str(made[name])) == proposed.clean[name] == config_defaults()[name], name
    for name in ("source", "entry_type", "on_maker_timeout", "use_model", "notifications", "symbols", "timeframe"):
        assert made[name] == proposed.clean[name], name


def test_the_default_target_is_never_the_zero_fee_one() -> None:
    assert config_defaults()["profit_target"] > Decimal("0.002")
    assert PRESETS["zero_fee_maker"]["values"]["profit_target"] == Decimal("0.00015")


def test_the_schema_tells_defaults_and_ranges() -> None:
    schemas = APIClient().get("/api/schema").json()["components"]["schemas"]
    for kind in ("BotInput", "ConfigReplaceInput"):
        fields = schemas[kind]["properties"]
        for name in LIMITS:
            assert Decimal(str(fields[name]["default"])) == config_defaults()[name], name
            assert LIMITS[name].words in fields[name]["description"], name
        assert fields["entry_type"]["default"] == config_defaults()["entry_type"]
        assert (fields["max_positions"]["minimum"], fields["max_positions"]["maximum"]) == (1, 100)
    patch = schemas["PatchedConfigChangeInput"]["properties"]
    assert not any("default" in field for field in patch.values()), "what a PATCH leaves out stays as it is"


def test_both_addresses_of_a_configuration(anna) -> None:
    old, short = (f"/api/{prefix}bots/{anna.bot.public_id}/config" for prefix in ("trading/", ""))
    assert anna.client.get(old).json() == anna.client.get(short).json()
    changed = anna.client.patch(short, {"max_positions": 7}, format="json").json()
    assert anna.client.get(old).json() == changed
    assert anna.client.post(f"{short}/validate", {"max_positions": 0}, format="json").json()["valid"] is False
    assert anna.client.put(old, {}, format="json").json()["max_positions"] == config_defaults()["max_positions"]
