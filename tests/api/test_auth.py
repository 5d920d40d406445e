import pytest
from knox.models import AuthToken
from rest_framework.test import APIClient

from accounts.models import AuditEvent
from accounts.services.users import user_create
from tests.api.conftest import PASSWORD

pytestmark = pytest.mark.django_db
LOGIN = "/api/auth/login"


@pytest.fixture
def user():
    return user_create(email="anna@example.org", password=PASSWORD, role="trader")


def _login(client: APIClient, email: str = "Anna@Example.org", password: str = PASSWORD):
    return client.post(LOGIN, {"email": email, "password": password}, format="json")


def test_a_token_opens_the_api_until_logout(user) -> None:
    client = APIClient()
    answer = _login(client)
    assert answer.status_code == 200
    assert answer.json()["user"]["id"] == str(user.public_id)
    assert answer.json()["expires_at"]
    client.credentials(HTTP_AUTHORIZATION=f"Token {answer.json()['token']}")
    assert client.get("/api/auth/me").json()["email"] == "anna@example.org"
    assert client.post("/api/auth/logout").status_code == 204
    refused = client.get("/api/auth/me")
    assert refused.status_code == 401
    assert refused.json()["error"]["code"] == "authentication_failed"
    assert AuditEvent.objects.filter(action="api.login", actor=user).exists()


def test_the_stored_token_is_a_digest(user) -> None:
    token = _login(APIClient()).json()["token"]
    assert token not in str(list(AuthToken.objects.values()))


def test_wrong_passwords_say_nothing_about_the_email(user) -> None:
    known, unknown = _login(APIClient(), password="wrong"), _login(APIClient(), email="no@example.org")
    assert known.status_code == unknown.status_code == 401
    assert known.json() == unknown.json()
    assert "do not match" in known.json()["error"]["message"]


def test_too_many_failures_lock_out_in_words(user, settings) -> None:
    client = APIClient()
    codes = [_login(client, password="wrong").status_code for _ in range(settings.AXES_FAILURE_LIMIT)]
    assert codes[0] == 401
    locked = _login(client)
    assert locked.status_code == 429
    assert locked.json()["error"]["code"] == "locked_out"
    assert "Wait 10 minutes" in locked.json()["error"]["message"]
    assert locked["Retry-After"] == "600"
    user_create(email="ben@example.org", password=PASSWORD, role="trader")
    assert _login(APIClient(), email="ben@example.org").status_code == 200, "others at the same address may log in"


def test_attempts_are_throttled_by_address(user) -> None:
    client = APIClient()
    for number in range(30):
        _login(client, email=f"{number}@example.org")
    answer = client.post(LOGIN, {"email": "x@example.org", "password": "x"}, headers={"x-forwarded-for": "10.0.0.9"})
    assert answer.status_code == 429, "a header that claims another address is no way around it"
    assert 0 < int(answer["Retry-After"]) <= 60
    assert answer.json()["error"]["code"] == "throttled"


@pytest.mark.parametrize(
    ("body", "field"),
    [({}, "email"), ({"email": "a"}, "password"), ({"email": "a", "password": "b", "otp": 1}, "otp"), ([1], "general")],
)
def test_bad_bodies(user, body, field: str) -> None:
    answer = APIClient().post(LOGIN, body, format="json")
    assert answer.status_code == 400
    assert field in answer.json()["error"]["fields"]


def test_own_details_can_be_changed(user) -> None:
    client = APIClient()
    client.force_authenticate(user)
    answer = client.patch("/api/auth/me", {"time_zone": "Europe/Berlin", "language": "ru"}, format="json")
    assert answer.json()["time_zone"] == "Europe/Berlin"
    refused = client.patch("/api/auth/me", {"role": "staff", "time_zone": "Moon"}, format="json")
    assert refused.status_code == 400
    assert set(refused.json()["error"]["fields"]) == {"role", "time_zone"}
    user.refresh_from_db()
    assert not user.is_staff
    assert client.patch("/api/auth/me", {}, format="json").status_code == 400
