import asyncio
import base64
import copy
import json
import pickle
import pprint
import resource
import traceback
from urllib.parse import urlencode

import pytest

from accounts import crypto, opening
from accounts.crypto import SealError, master_keys_check, rewrap, seal, sealed_key_id, sealed_mark, unseal
from accounts.exchanges.loop import run

VALUES = {"api_key": "canary-key-7f3a", "api_secret": "canary-secret-9b1c", "passphrase": "päss"}


def _key(seed: int) -> str:
    return base64.b64encode(bytes([seed]) * 32).decode()


def test_there_and_back() -> None:
    assert unseal(seal(VALUES)) == VALUES


def test_every_record_has_its_own_data_key(settings) -> None:
    one, two = json.loads(seal(VALUES)), json.loads(seal(VALUES))
    assert one["dk"] != two["dk"] and one["ct"] != two["ct"]
    assert one["v"] == 2


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


def test_another_master_key_takes_a_record_over_without_opening_the_values(settings, monkeypatch) -> None:
    settings.XRAY_MASTER_KEYS = f"old:{_key(1)}"
    sealed = seal(VALUES)
    settings.XRAY_MASTER_KEYS = f"new:{_key(2)},old:{_key(1)}"
    opened: list[str] = []
    real = crypto._open
    monkeypatch.setattr(crypto, "_open", lambda key, text, tag: opened.append(text) or real(key, text, tag))
    again = rewrap(sealed)
    assert opened == [json.loads(sealed)["dk"]]
    assert (sealed_key_id(again), sealed_mark(again)) == ("new", sealed_mark(sealed))
    settings.XRAY_MASTER_KEYS = f"new:{_key(2)}"
    assert unseal(again) == VALUES


def test_opened_values_work_wherever_text_does_and_only_their_repr_is_masked() -> None:
    opened = unseal(seal(VALUES))
    key = opened["api_key"]
    plain = VALUES["api_key"]
    assert (str(key), f"{key}", key[:], "".join([key])) == (plain,) * 4
    assert urlencode({"key": key}) == urlencode({"key": plain}) and json.dumps({"key": key}) == json.dumps(
        {"key": plain}
    )
    assert copy.deepcopy({"headers": {"X-KEY": key}}) == {"headers": {"X-KEY": plain}}
    for shown in (repr(key), repr({"X-KEY": key}), repr(dict(opened)), f"{[key]}", pprint.pformat({"k": key})):
        assert "canary" not in shown and "<secret>" in shown
    with pytest.raises(TypeError, match="not put into a message"):
        pickle.dumps(key)


# Sealed by version 1 under the master key of `_key(7)`, id "one".
VERSION_1 = (
    '{"v":1,"kid":"one","dk":"92NlBxDtWcFtDmdAcpHyeKrq/fFglO2Cwsj+jr+PDyBRFEkIIdyDH7F9d4y9Tsljqtx/0j1waM6kmWRf",'
    '"ct":"By7QZo5T7P2ECLubUnAF1SdYGVh0DloWYZdjnxm2XM1xYZq0/K7JaBAVnJj4cC3+USK5fLbBt1TBU+Qx6FDKvBP9hoI2jGpI6Q9X'
    '7Vvh2kxq6j2EiyGEBTBZVCgdOt89BvHbJwdAJ0vT2mOn4Qz4p+Y/4Ko="}'
)


def test_records_of_the_first_version_open_and_are_taken_over(settings) -> None:
    settings.XRAY_MASTER_KEYS = f"two:{_key(8)},one:{_key(7)}"
    assert unseal(VERSION_1) == VALUES
    again = rewrap(VERSION_1)
    assert json.loads(again)["v"] == 2 and unseal(again) == VALUES


def test_a_web_process_opens_nothing_and_goes_on_sealing(monkeypatch) -> None:
    sealed = seal(VALUES)
    monkeypatch.setattr(opening, "_forbidden", "")
    opening.opening_forbid("the web process")
    for act in (unseal, rewrap):
        with pytest.raises(opening.OpeningForbidden, match="not in the web process"):
            act(sealed)
    assert seal(VALUES)
    opening.opening_allow()
    assert unseal(sealed) == VALUES


def test_a_request_opens_nothing_in_any_process_not_in_its_threads_and_not_on_the_exchanges_loop() -> None:
    sealed, told = seal(VALUES), []

    async def ask() -> None:
        unseal(sealed)

    def work() -> None:
        run(ask(), timeout_s=5)

    async def serve(_scope, _receive, _send) -> None:
        for call in (lambda: asyncio.to_thread(unseal, sealed), lambda: asyncio.to_thread(work), ask):
            try:
                await call()
            except opening.OpeningForbidden as error:
                told.append(str(error))

    async def main() -> None:
        await asyncio.create_task(opening.Serving(serve)({}, None, None))
        unseal(sealed)  # what does not serve still opens

    asyncio.run(main())
    assert len(told) == 3 and "not in a request" in told[0]


def test_what_opens_keys_leaves_no_core_file() -> None:
    unseal(seal(VALUES))
    assert resource.getrlimit(resource.RLIMIT_CORE)[0] == 0


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
