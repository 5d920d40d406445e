import base64
import json
import traceback

import pytest

from accounts.crypto import SealError, master_keys_check, seal, sealed_key_id, unseal

VALUES = {"api_key": "canary-key-7f3a", "api_secret": "canary-secret-9b1c", "passphrase": "päss"}


def _key(seed: int) -> str:
    return base64.b64encode(bytes([seed]) * 32).decode()


def test_there_and_back() -> None:
    assert unseal(seal(VALUES)) == VALUES


def test_every_record_has_its_own_data_key(settings) -> None:
    one, two = json.loads(seal(VALUES)), json.loads(seal(VALUES))
    assert one["dk"] != two["dk"] and one["ct"] != two["ct"]
    assert one["v"] == 1


def test_nothing_readable_in_the_sealed_text_or_in_a_repr() -> None:
    sealed = seal(VALUES)
    opened = unseal(sealed)
    for text in (sealed, repr(opened), str(opened), f"{opened}", repr([opened])):
        assert "canary" not in text
    assert repr(opened) == "<secrets: api_key, api_secret, passphrase>"


def test_rotation_first_encrypts_all_decrypt(settings) -> None:
    settings.XRAY_MASTER_KEYS = f"old:{_key(1)}"
    sealed = seal(VALUES)
    settings.XRAY_MASTER_KEYS = f"new:{_key(2)}, old:{_key(1)}"
    assert unseal(sealed) == VALUES
    assert sealed_key_id(sealed) == "old"
    assert sealed_key_id(seal(VALUES)) == "new"
    settings.XRAY_MASTER_KEYS = f"new:{_key(2)}"
    with pytest.raises(SealError, match="'old' is not in XRAY_MASTER_KEYS"):
        unseal(sealed)


def test_keys_from_a_file(settings, tmp_path) -> None:
    file = tmp_path / "keys"
    file.write_text(f"a:{_key(3)}\nb:{_key(4)}\n")
    settings.XRAY_MASTER_KEYS, settings.XRAY_MASTER_KEYS_FILE = "", str(file)
    assert sealed_key_id(seal(VALUES)) == "a"
    settings.XRAY_MASTER_KEYS_FILE = str(tmp_path / "none")
    assert "XRAY_MASTER_KEYS_FILE cannot be read" in master_keys_check()[0]


@pytest.mark.parametrize("part", ["dk", "ct"])
def test_a_changed_record_does_not_open(part: str) -> None:
    envelope = json.loads(seal(VALUES))
    raw = bytearray(base64.b64decode(envelope[part]))
    raw[-1] ^= 1
    envelope[part] = base64.b64encode(raw).decode()
    with pytest.raises(SealError, match="do not open"):
        unseal(json.dumps(envelope))


def test_a_key_id_cannot_be_swapped(settings) -> None:
    settings.XRAY_MASTER_KEYS = f"a:{_key(1)},b:{_key(1)}"
    envelope = json.loads(seal(VALUES))
    envelope["kid"] = "b"
    with pytest.raises(SealError, match="do not open"):
        unseal(json.dumps(envelope))


@pytest.mark.parametrize("text", ["", "x", "[]", '{"v": 2}', '{"v":1,"kid":1,"dk":"","ct":""}'])
def test_unreadable_records_say_so(text: str) -> None:
    with pytest.raises(SealError, match="not readable"):
        unseal(text)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("", "Neither XRAY_MASTER_KEYS nor XRAY_MASTER_KEYS_FILE is set"),
        (" , ", "XRAY_MASTER_KEYS is empty"),
        ("justbase64", "must look like 'id:base64"),
        (f"a:{_key(1)},a:{_key(2)}", "different ids"),
        ("a:***", "the key 'a' is not base64"),
        (f"a:{base64.b64encode(bytes(range(16))).decode()}", "has 16 bytes, it must have 32"),
    ],
)
def test_wrong_settings_are_named_without_their_value(settings, value: str, words: str) -> None:
    settings.XRAY_MASTER_KEYS, settings.XRAY_MASTER_KEYS_FILE = value, ""
    [error] = master_keys_check()
    assert words in error and "XRAY_MASTER_KEYS" in error
    assert not value.strip(" ,") or value not in error
    with pytest.raises(SealError):
        seal(VALUES)


def test_a_traceback_shows_no_value(settings) -> None:
    sealed = seal(VALUES)
    settings.XRAY_MASTER_KEYS = f"test:{_key(9)}"
    try:
        unseal(sealed)
    except SealError:
        text = traceback.format_exc()
    assert "canary" not in text and _key(9) not in text
