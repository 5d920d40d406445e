"""Parts sold and orders changed by hand: asked once, by their owner, in words that say what is allowed."""

from decimal import Decimal as D

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.urls import reverse

from accounts.models import ExchangeAccount, Notice
from tests.trading.worlds import World, quote_make
from trading.models import Balance, Fill, Intent, Order
from trading.selectors.trade_story import story_read
from trading.services.by_hand import order_replace_request, position_reduce_request

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({}, "either a share or an amount"),
        ({"share": "0.5", "amount": "1"}, "either a share or an amount"),
        ({"share": "1"}, "above 0 and below 1"),
        ({"share": "-0.5"}, "above 0 and below 1"),
        ({"share": "half"}, "Not a usable number"),
        ({"amount": "0"}, "below the"),
        ({"amount": "1e9"}, "below the"),
    ],
)
def test_nonsense_parts_are_refused(make, given, words):
    position = make.position(make.bot(), make.instrument(), amount=D(2))
    with pytest.raises(ValidationError, match=words):
        position_reduce_request(position=position, actor=position.bot.user, **given)
    assert not Intent.objects.exists()


def test_a_part_is_asked_once_and_by_its_owner(make):
    position = make.position(make.bot(), make.instrument(), amount=D(2))
    with pytest.raises(PermissionDenied):
        position_reduce_request(position=position, actor=make.user(), share="0.5")
    first = position_reduce_request(position=position, actor=position.bot.user, share="0.5")
    again = position_reduce_request(position=position, actor=position.bot.user, share="0.50")
    assert (again.pk, again.share, again.purpose) == (first.pk, D("0.5"), "reduce")
    for other in ({"share": "0.25"}, {"amount": "0.5"}):
        with pytest.raises(ValidationError, match="being sold already"):
            position_reduce_request(position=position, actor=position.bot.user, **other)
    position.status = "closing"
    position.save()
    with pytest.raises(ValidationError, match="closing"):
        position_reduce_request(position=position, actor=position.bot.user, share="0.5")


def test_a_part_is_sold_through_the_queue():
    world = World()
    world.entry()
    world.run()
    before = world.position().amount
    position_reduce_request(position=world.position(), actor=world.bot.user, share="0.5")
    world.run()
    position = world.position()
    assert position.status == "open"
    assert before / 2 - D("0.0001") < position.sold <= before / 2
    assert Intent.objects.get(purpose="reduce").status == "done"
    assert Fill.objects.filter(side="sell").count() == 1
    told = {step.title: step.detail for step in story_read(position).steps}
    assert told["Sale of a part by hand"] == "asked for by hand"


def test_a_waiting_order_gets_another_price():
    world = World()
    world.entry(purpose="manual_entry", amount_quote=D(100), limit_price=D(90))
    world.run()
    order = Order.objects.get()
    for given, words in (
        ({}, "new price, a new amount"),
        ({"limit_price": "0"}, "above 0"),
        ({"amount": "0"}, "At least"),
        ({"amount": "0.00000001"}, "At least"),
    ):
        with pytest.raises(ValidationError, match=words):
            order_replace_request(order=order, actor=world.bot.user, **given)
    intent = order_replace_request(order=order, actor=world.bot.user, limit_price="91")
    assert order_replace_request(order=order, actor=world.bot.user, limit_price="91").pk == intent.pk
    with pytest.raises(ValidationError, match="Another change"):
        order_replace_request(order=order, actor=world.bot.user, limit_price="92")
    world.run()
    old, new = Order.objects.order_by("leg")
    assert (old.status, new.status, new.price, new.leg) == ("cancelled", "active", D(91), 1)
    assert new.intent_id == old.intent_id
    intent.refresh_from_db()
    assert intent.status == "done"
    with pytest.raises(ValidationError, match="waits to buy"):
        order_replace_request(order=old, actor=world.bot.user, limit_price="92")


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"limit_price": "19"}, "From a fifth of the bid (100) to 5 % above the ask (100.02)."),
        ({"limit_price": "106"}, "From a fifth of the bid (100) to 5 % above the ask (100.02)."),
        ({"amount": "0.05"}, "At this price from 0.0556 to 111.1111 BTC: the smallest order is worth 5 USDT"),
        ({"amount": "200", "limit_price": "50"}, "from 0.1 to 200 BTC"),
        ({"amount": "200.1", "limit_price": "50"}, "and 10000 USDT are free for it."),
    ],
)
def test_a_change_that_cannot_be_made_is_refused_in_the_form(given, words, monkeypatch):
    monkeypatch.setattr("trading.services.intents.latest", lambda exchange, symbol: quote_make(bid=100))
    world = World()
    world.entry(purpose="manual_entry", amount_quote=D(100), limit_price=D(90))
    world.run()
    order = Order.objects.get()
    if given == {"amount": "200", "limit_price": "50"}:  # the whole account, with what the old order reserves
        assert order_replace_request(order=order, actor=world.bot.user, **given).amount == 200
        return
    with pytest.raises(ValidationError) as refused:
        order_replace_request(order=order, actor=world.bot.user, **given)
    assert words in refused.value.messages[0] and "leave the price empty" not in refused.value.messages[0]
    assert not Intent.objects.filter(purpose="replace").exists()


def test_a_change_that_failed_is_told_with_its_reason():
    world = World()
    world.entry(purpose="manual_entry", amount_quote=D(100), limit_price=D(90))
    world.run()
    intent = order_replace_request(order=Order.objects.get(), actor=world.bot.user, amount="110")
    Balance.objects.update(total=D(9500))  # spent elsewhere before the engine came to it
    world.run()
    intent.refresh_from_db()
    assert intent.status == "denied" and Order.objects.get().status == "active"
    notice = Notice.objects.get()
    assert notice.title == "The order for BTC/USDT was not changed"
    assert notice.text == "It needs 9900 USDT; 9500 USDT are free for it. It waits as it was."


def test_why_an_account_holds_its_bots_is_told_and_no_stop_that_is_not_there():
    world = World()
    world.entry(purpose="manual_entry", amount_quote=D(100), limit_price=D(90))
    world.run()
    ExchangeAccount.objects.update(status="paused", status_reason="The key was refused: replace it.")
    world.run()
    assert Order.objects.get().reason == "The account is paused: The key was refused: replace it."


def test_pages_ask_and_tell(client, make):
    bot = make.bot()
    position = make.position(bot, make.instrument(), amount=D(2))
    client.force_login(bot.user)
    client.post(reverse("position_reduce", args=[position.public_id]), {"share": "0.5"})
    assert Intent.objects.get().share == D("0.5")
    refused = client.post(reverse("position_reduce", args=[position.public_id]), {"share": "2"}, follow=True)
    assert b"A fraction above 0 and below 1" in refused.content
    client.force_login(make.user())
    assert client.post(reverse("position_reduce", args=[position.public_id]), {"share": "0.5"}).status_code == 404
