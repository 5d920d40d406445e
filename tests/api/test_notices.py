"""Notices: the user's own, newest first; read one, read all."""

import pytest

from accounts.models import Notice
from accounts.services.notices import notice_send

pytestmark = pytest.mark.django_db


@pytest.fixture
def notices(anna, ben) -> list[Notice]:
    mine = [notice_send(user=anna.user, level=level, title=f"{level}!") for level in ("info", "warn", "bad")]
    return [
        *mine,
        notice_send(user=ben.user, level="bad", title="of Ben"),
        notice_send(user=None, level="bad", title="s"),
    ]


def _titles(person, query: str = "") -> list[str]:
    return [row["title"] for row in person.client.get(f"/api/notices{query}").json()["results"]]


def test_own_notices_by_level_and_whether_read(anna, ben, notices) -> None:
    assert _titles(anna) == ["bad!", "warn!", "info!"]
    assert _titles(anna, "?level=warn") == ["warn!"]
    assert _titles(anna, "?unread=false") == []
    one = anna.client.get(f"/api/notices/{notices[0].public_id}").json()
    assert one["read_at"] is None and one["created_at"].endswith("Z")
    assert ben.client.get(f"/api/notices/{notices[0].public_id}").status_code == 404


def test_read_one_and_read_all(anna, ben, notices) -> None:
    path = f"/api/notices/{notices[0].public_id}/read"
    assert ben.client.post(path).status_code == 404
    first = anna.client.post(path).json()["read_at"]
    assert first and anna.client.post(path).json()["read_at"] == first, "read once"
    assert _titles(anna, "?unread=true") == ["bad!", "warn!"]
    assert anna.client.post("/api/notices/read").json() == {"marked": 2}
    assert anna.client.post("/api/notices/read").json() == {"marked": 0}
    assert _titles(anna, "?unread=true") == []
    assert Notice.objects.filter(read_at=None).count() == 2, "others' stay unread"
