"""Login, lock-out and sign-up in the browser."""

import pytest
from django.urls import reverse

from accounts.models import User
from accounts.services.users import user_create

pytestmark = pytest.mark.django_db
PASSWORD = "a long pass phrase 42"


@pytest.fixture
def user() -> User:
    return user_create(email="anna@example.org", password=PASSWORD, role="trader")


def _login(client, email: str = "Anna@Example.org", password: str = PASSWORD):
    return client.post(reverse("login"), {"username": email, "password": password})


def test_login_by_email_and_logout(client, user: User) -> None:
    answer = _login(client)
    assert answer.status_code == 302 and answer.url == reverse("overview")
    assert client.post(reverse("logout")).url == reverse("login")
    assert "_auth_user_id" not in client.session


def test_a_wrong_password_is_said(client, user: User) -> None:
    answer = _login(client, password="wrong")
    assert answer.status_code == 200
    assert "do not match" in answer.content.decode()


def test_an_open_redirect_is_not_followed(client, user: User) -> None:
    answer = client.post(
        f"{reverse('login')}?next=https://evil.example/", {"username": user.email, "password": PASSWORD}
    )
    assert answer.url == reverse("overview")


def test_lock_out_counts_an_email_at_an_address(client, user: User, settings) -> None:
    user_create(email="ben@example.org", password=PASSWORD, role="trader")
    for _ in range(settings.AXES_FAILURE_LIMIT):
        answer = _login(client, password="wrong")
    assert answer.status_code == 429
    assert "Wait 10 minutes" in answer.content.decode()
    assert _login(client).status_code == 429, "the right password does not help now"
    assert _login(client, email="ben@example.org").status_code == 302


def test_sign_up_makes_a_trader_and_logs_in(client) -> None:
    answer = client.post(reverse("signup"), {"name": "C", "email": "C@example.org", "password": PASSWORD})
    assert answer.status_code == 302 and answer.url == reverse("overview")
    made = User.objects.get(email="c@example.org")
    assert (made.role, made.is_staff) == ("trader", False)
    assert client.session["_auth_user_id"] == str(made.pk)


def test_sign_up_says_what_is_wrong(client, user: User) -> None:
    answer = client.post(reverse("signup"), {"email": "anna@example.org", "password": "123", "role": "staff"})
    assert answer.status_code == 200
    assert "already a user" in answer.content.decode()
    assert User.objects.count() == 1


def test_sign_up_can_be_turned_off(client, settings) -> None:
    settings.XRAY_SIGNUP = False
    assert client.get(reverse("signup")).status_code == 403
    answer = client.post(reverse("signup"), {"email": "c@example.org", "password": PASSWORD})
    assert answer.status_code == 403 and not User.objects.exists()
