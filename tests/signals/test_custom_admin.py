"""Custom strategies in the admin: upload, report with the wrong line, enable; only staff, audited."""

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from accounts.models import AuditEvent, User
from signals.models import CustomStrategy, Strategy
from signals.services.custom import custom_check, custom_offer
from tests.signals.custom.files import text

pytestmark = pytest.mark.django_db
LIST, ADD = (f"admin:signals_customstrategy_{page}" for page in ("changelist", "add"))


@pytest.fixture
def staff(client):
    user = User.objects.create_superuser("staff@example.com", "a-long-password-1")
    client.force_login(user)
    return user


@pytest.fixture
def asked(monkeypatch):
    """The checks that a worker was asked for."""
    calls = []
    monkeypatch.setattr("signals.tasks.custom_check.delay", calls.append)
    return calls


def act(client, action, *rows):
    chosen = {"action": action, "_selected_action": [row.pk for row in rows]}
    return client.post(reverse(LIST), chosen, follow=True).content.decode()


def test_an_upload_is_offered_checked_by_a_worker_and_audited(client, staff, asked, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        answer = client.post(reverse(ADD), {"upload": SimpleUploadedFile("mine.py", text().encode())}, follow=True)
    custom = CustomStrategy.objects.get()
    assert "It is being checked" in answer.content.decode() and asked == [custom.pk]
    assert (custom.status, custom.source, custom.uploaded_by_id) == ("offered", text(), staff.pk)
    assert AuditEvent.objects.filter(action="custom_strategy.uploaded", actor=staff).count() == 1
    client.post(reverse(ADD), {"upload": SimpleUploadedFile("mine.py", text().encode())})
    assert CustomStrategy.objects.count() == 1


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [("mine.txt", b"x = 1", "called name.py"), ("mine.py", b"\xff", "UTF-8"), ("mine.py", b"x" * 300_000, "at most")],
)
def test_an_odd_upload_is_an_error_of_the_form(client, staff, asked, name, content, words):
    page = client.post(reverse(ADD), {"upload": SimpleUploadedFile(name, content)}).content.decode()
    assert words in page and not CustomStrategy.objects.exists() and asked == []


def test_the_report_shows_the_wrong_line_and_escapes_the_source(client, staff, asked):
    source = text("later = np.roll(close, -1, axis=1)  # <script>alert(1)</script>\nup = up & (later > close)")
    custom, _ = custom_offer(file="mine.py", source=source)
    custom_check(custom=custom)
    page = client.get(reverse("admin:signals_customstrategy_change", args=[custom.pk])).content.decode()
    marked = page.split("<mark")[1].split("</mark>")[0]
    assert "later = np.roll" in marked and "It looks ahead" in marked and page.count("<mark") == 1
    assert "<script>alert(1)" not in page
    assert "It looks ahead" in act(client, "enable", custom)
    assert not Strategy.objects.filter(custom=custom).exists()


def test_staff_enable_follow_check_again_and_disable(client, staff, asked):
    custom, _ = custom_offer(file="mine.py", source=text())
    custom_check(custom=custom)
    assert "is in force and follows its file" in act(client, "enable_and_follow", custom)
    custom.refresh_from_db()
    assert (custom.status, custom.follow) == ("enabled", True)
    assert "not scanned any more" in act(client, "disable", custom)
    act(client, "check_again", custom)
    assert asked == [custom.pk]
    assert AuditEvent.objects.filter(actor=staff, action__startswith="custom_strategy.").count() == 3


def test_nobody_else_uploads_or_enables(client, asked):
    custom, _ = custom_offer(file="mine.py", source=text())
    custom.report, custom.status = {"good": True, "described": {"name": "LineCross"}}, "checked"
    custom.save()
    upload = {"upload": SimpleUploadedFile("mine.py", text("x = 1").encode())}
    for rights in ({}, {"is_staff": True}):  # a trader, and staff without the right to change custom strategies
        client.force_login(User.objects.create_user(f"u{len(rights)}@example.com", "a-long-password-1", **rights))
        assert client.post(reverse(ADD), upload).status_code in (302, 403)
        act(client, "enable", custom)
    custom.refresh_from_db()
    assert custom.status == "checked" and CustomStrategy.objects.count() == 1 and asked == []
