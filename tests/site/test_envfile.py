"""The `.env` that the first start makes."""

import stat

from xray_site.demo.envfile import env_make, env_read


def test_it_is_made_once_for_its_owner_only_and_never_overwritten(tmp_path):
    path = tmp_path / ".env"
    assert env_make(path)
    first = path.read_text()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert not env_make(path)
    assert path.read_text() == first


def test_secrets_are_fresh_every_time(tmp_path):
    env_make(tmp_path / "a")
    env_make(tmp_path / "b")
    one, two = env_read(tmp_path / "a"), env_read(tmp_path / "b")
    assert one.keys() == two.keys()
    assert all(one[name] != two[name] and len(one[name]) >= 12 for name in one)


def test_django_reads_the_same_values(tmp_path):
    import environ

    path = tmp_path / ".env"
    env_make(path)
    reader = type("Reader", (environ.Env,), {"ENVIRON": {}})
    reader.read_env(str(path))
    assert env_read(path) == reader.ENVIRON


def test_quotes_comments_and_export_are_understood(tmp_path):
    path = tmp_path / ".env"
    path.write_text("# A=1\nexport B='two'\nC=\"3=4\"\n\nnonsense\n")
    assert env_read(path) == {"B": "two", "C": "3=4"}
