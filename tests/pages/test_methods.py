"""A page asked in another way than it takes: never an empty answer."""

import pytest
from django.urls import reverse

from accounts.models import Notice
from trading.models import Intent, StopSwitch
from trading.views.methods import NOT_DONE

pytestmark = pytest.mark.django_db


def _pages(world) -> dict[str, str]:
    """Addresses that only take a POST, and the page each belongs to."""
    bot, account = world.bot.public_id, world.account.public_id
    return {
        reverse("chart_entry", args=["SOL/USDT"]): reverse("chart", args=["SOL/USDT"]),
        reverse("stop"): reverse("overview"),
        reverse("position_close", args=[world.open.public_id]): reverse("overview"),
        reverse("order_cancel", args=[bot]): reverse("order_list"),
        reverse("bot_action", args=[bot, "stop"]): reverse("bot_detail", args=[bot]),
        reverse("bot_check"): reverse("bot_list"),
        reverse("account_action", args=[account, "remove"]): reverse("account_list"),
        reverse("account_select"): reverse("overview"),
        reverse("notices_read"): reverse("notice_list"),
    }


def test_a_get_of_an_action_leads_to_its_page_and_does_nothing(world, page) -> None:
    unread = Notice.objects.filter(read_at=None).count()
    for address, belongs_to in _pages(world).items():
        answer = page.get(address, follow=True)
        assert answer.redirect_chain == [(belongs_to, 302)], address
        assert answer.status_code == 200 and NOT_DONE in answer.content.decode()
    world.bot.refresh_from_db()
    assert world.bot.status == "running" and Notice.objects.filter(read_at=None).count() == unread
    assert not Intent.objects.filter(purpose="force_exit").exists() and not StopSwitch.objects.exists()


def test_other_methods_get_a_page_that_says_what_is_taken(world, page) -> None:
    answers = [(page.put(address), "POST") for address in _pages(world)]
    answers += [(page.delete("/"), "GET, HEAD"), (page.put(reverse("bot_new")), "GET, HEAD, POST")]
    for answer, allowed in answers:
        assert (answer.status_code, answer["Allow"]) == (405, allowed)
        assert "Nothing was changed" in answer.content.decode()
    assert page.head("/").status_code == 200


def test_logging_out_takes_the_button(world, page) -> None:
    assert "still logged in" in page.get(reverse("logout"), follow=True).content.decode()
    assert page.post(reverse("logout")).status_code == 302
    assert page.get("/").status_code == 302, "now logged out"


def test_the_admins_stop_takes_its_button(admin_client) -> None:
    answer = admin_client.get(reverse("admin_platform_stop"))
    assert (answer.status_code, answer["Location"]) == (302, reverse("admin:index"))
