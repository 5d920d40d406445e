import pytest
from django.core.exceptions import ValidationError

from accounts.models import AuditEvent, Notice, User
from accounts.services.audit import audit_record
from accounts.services.notices import notice_send, on_notice
from accounts.services.users import user_create, user_role_set, user_update

pytestmark = pytest.mark.django_db
PASSWORD = "a long pass phrase 42"


def test_a_trader_and_staff() -> None:
    trader = user_create(email=" Anna@Example.ORG ", password=PASSWORD, role="trader", name="Anna")
    staff = user_create(email="s@example.org", password=PASSWORD, role="staff")
    assert trader.email == "anna@example.org" and trader.check_password(PASSWORD)
    assert (trader.is_staff, trader.is_superuser) == (False, False)
    assert (staff.is_staff, staff.is_superuser) == (True, True)
    assert AuditEvent.objects.filter(action="user.created").count() == 2


def test_every_bad_field_has_its_message() -> None:
    user_create(email="a@example.org", password=PASSWORD, role="trader")
    with pytest.raises(ValidationError) as found:
        user_create(email="A@example.org", password="123", role="king")
    assert set(found.value.message_dict) == {"email", "password", "role"}
    assert "already a user" in found.value.message_dict["email"][0]
    assert "staff, trader, integration" in found.value.message_dict["role"][0]
    with pytest.raises(ValidationError) as found:
        user_create(email="nonsense", password=PASSWORD, role="trader")
    assert "such as" in found.value.message_dict["email"][0]


def test_roles_carry_their_rights() -> None:
    user = user_create(email="a@example.org", password=PASSWORD, role="trader")
    assert user_role_set(user=user, role="staff").is_staff
    assert not user_role_set(user=user, role="integration").is_staff
    with pytest.raises(ValidationError):
        user_role_set(user=user, role="boss")


def test_own_details() -> None:
    user = user_create(email="a@example.org", password=PASSWORD, role="trader")
    user_update(user=user, time_zone="Asia/Tokyo", language="ru", preferred_exchange="okx", name="A")
    assert User.objects.get(pk=user.pk).time_zone == "Asia/Tokyo"
    with pytest.raises(ValidationError) as found:
        user_update(user=user, time_zone="Mars/Base", language="xx", preferred_exchange="kraken", is_staff=True)
    assert set(found.value.message_dict) == {"time_zone", "language", "preferred_exchange", "is_staff"}
    assert "Europe/Berlin" in found.value.message_dict["time_zone"][0]


def test_audit_keeps_what_and_who() -> None:
    user = user_create(email="a@example.org", password=PASSWORD, role="trader")
    event = audit_record(actor=user, action="x.done", obj=user, detail={"a": 1}, ip="10.0.0.1")
    assert (event.object_type, event.object_id, event.ip_address) == ("User", str(user.public_id), "10.0.0.1")
    assert audit_record(actor=None, action="y").object_id == ""


def test_notices_reach_listeners_after_commit(django_capture_on_commit_callbacks) -> None:
    seen: list[Notice] = []

    def broken(_notice: Notice) -> None:
        raise RuntimeError("a listener's own trouble")

    on_notice(broken)
    on_notice(seen.append)
    with django_capture_on_commit_callbacks(execute=True):
        notice = notice_send(user=None, level="warn", title="t" * 200, text="x" * 700)
        assert seen == []
    assert seen == [notice] and len(notice.title) == 160 and len(notice.text) == 600
    with pytest.raises(ValueError, match="Allowed: ok, info, warn, bad"):
        notice_send(user=None, level="loud", title="x")
