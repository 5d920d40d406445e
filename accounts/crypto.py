"""Envelope encryption of API keys: every record has a data key of its own, wrapped by a master key.

The master keys come from XRAY_MASTER_KEYS ("id:base64,id2:base64", 32 bytes each) or the file that
XRAY_MASTER_KEYS_FILE names; the first one encrypts, all of them decrypt. Sealed text is JSON:
{"v": 2, "kid": master key id, "dk": wrapped data key, "ct": ciphertext}, base64 with the 12-byte nonce in front
(AES-256-GCM). The key id is authenticated with the data key, so that another master key can take the record over
(`rewrap`) without opening the values. In version 1 it is authenticated with the values too.
"""

import base64
import binascii
import hashlib
import json
import os
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings

from accounts.opening import opening_check
from accounts.scrub import secrets_remember
from accounts.secret_text import Secret, SecretBytes, Secrets

KEY_BYTES = 32
NONCE_BYTES = 12
_VALUES_TAG = b"values"
_MAKE_ONE = "Make one with: python -c \"import os,base64;print('k1:'+base64.b64encode(os.urandom(32)).decode())\""


class SealError(Exception):
    """Sealed text cannot be opened or made; the message names the setting, never a value."""


def seal(values: dict[str, str]) -> str:
    """Encrypt named values under a fresh data key and the first master key.

    Raises:
        SealError: the master keys are missing or wrong.

    """
    data_key = SecretBytes(AESGCM.generate_key(256))
    body = SecretBytes(json.dumps(dict(values), separators=(",", ":")).encode())
    return _sealed(data_key, _lock(data_key, body, _VALUES_TAG))


def unseal(sealed: str) -> Secrets:
    """Decrypt what `seal` made; the values are `Secret` texts, and logs are scrubbed of them from now on.

    Raises:
        SealError: its master key is not configured, or the text was changed.
        OpeningForbidden: this process (or request) does not sign, so it opens nothing.

    """
    opening_check()
    envelope = _envelope(sealed)
    body = _open(_data_key(envelope), envelope["ct"], _values_tag(envelope))
    opened = Secrets((name, Secret(value)) for name, value in json.loads(body).items())
    secrets_remember(opened.values())
    return opened


def rewrap(sealed: str) -> str:
    """The same values under the first master key. Only the data key is opened; of a version 1 record the values, too.

    Raises:
        SealError: as `unseal`.

    """
    opening_check()
    envelope = _envelope(sealed)
    data_key, body = _data_key(envelope), envelope["ct"]
    if envelope["v"] == 1:
        body = _lock(data_key, _open(data_key, body, _values_tag(envelope)), _VALUES_TAG)
    return _sealed(data_key, body)


def sealed_key_id(sealed: str) -> str:
    """The id of the master key that a sealed text needs. Raises SealError for unreadable text."""
    return str(_envelope(sealed)["kid"])


def sealed_mark(sealed: str) -> str:
    """What stays the same while the values do, whichever master key holds them: a hash of the ciphertext."""
    try:
        return hashlib.sha256(_envelope(sealed)["ct"].encode()).hexdigest()
    except SealError:
        return hashlib.sha256(sealed.encode()).hexdigest()


def master_key_ids() -> list[str]:
    """The ids of the configured master keys, the one that encrypts first. Raises SealError."""
    return list(_master_keys())


def master_keys_check() -> list[str]:
    """What is wrong with the settings of the master keys, in words; empty when they are good."""
    try:
        _master_keys()
    except SealError as error:
        return [str(error)]
    return []


def _sealed(data_key: bytes, body: str) -> str:
    key_id, master = next(iter(_master_keys().items()))
    sealed = {"v": 2, "kid": key_id, "dk": _lock(master, data_key, key_id.encode()), "ct": body}
    return json.dumps(sealed, separators=(",", ":"))


def _data_key(envelope: dict[str, Any]) -> SecretBytes:
    key_id, keys = envelope["kid"], _master_keys()
    if key_id not in keys:
        raise SealError(f"The master key {key_id!r} is not in XRAY_MASTER_KEYS; add it behind the current one.")
    return _open(keys[key_id], envelope["dk"], key_id.encode())


def _values_tag(envelope: dict[str, Any]) -> bytes:
    return str(envelope["kid"]).encode() if envelope["v"] == 1 else _VALUES_TAG


def _envelope(sealed: str) -> dict[str, Any]:
    try:
        envelope = json.loads(sealed)
        if envelope["v"] in (1, 2) and all(isinstance(envelope[key], str) for key in ("kid", "dk", "ct")):
            return dict(envelope)
    except (ValueError, KeyError, TypeError):
        pass
    raise SealError("The stored keys are not readable; enter them again.")


def _lock(key: bytes, body: bytes, tag: bytes) -> str:
    nonce = os.urandom(NONCE_BYTES)
    return base64.b64encode(nonce + AESGCM(key).encrypt(nonce, body, tag)).decode()


def _open(key: bytes, text: str, tag: bytes) -> SecretBytes:
    try:
        raw = base64.b64decode(text, validate=True)
        return SecretBytes(AESGCM(key).decrypt(raw[:NONCE_BYTES], raw[NONCE_BYTES:], tag))
    except (InvalidTag, ValueError):
        raise SealError("The stored keys do not open with this master key; check XRAY_MASTER_KEYS.") from None


def _master_keys() -> dict[str, SecretBytes]:
    text, source = _configured()
    parts = [Secret(part.strip()) for part in text.replace("\n", ",").split(",") if part.strip()]
    if not parts:
        raise SealError(f"{source} is empty. {_MAKE_ONE}")
    keys: dict[str, SecretBytes] = {}
    for part in parts:
        key_id, separator, encoded = (Secret(piece) for piece in part.partition(":"))
        if not separator or not key_id or key_id in keys:
            raise SealError(f"{source} must look like 'id:base64,id2:base64' with different ids. {_MAKE_ONE}")
        keys[str(key_id)] = _decoded(str(key_id), encoded, source)
    return keys


def _configured() -> tuple[Secret, str]:
    if settings.XRAY_MASTER_KEYS:
        return Secret(settings.XRAY_MASTER_KEYS), "XRAY_MASTER_KEYS"
    if not settings.XRAY_MASTER_KEYS_FILE:
        raise SealError(f"Neither XRAY_MASTER_KEYS nor XRAY_MASTER_KEYS_FILE is set. {_MAKE_ONE}")
    try:
        text = Secret(Path(settings.XRAY_MASTER_KEYS_FILE).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise SealError(f"XRAY_MASTER_KEYS_FILE cannot be read ({type(error).__name__}).") from None
    return text, "XRAY_MASTER_KEYS_FILE"


def _decoded(key_id: str, encoded: Secret, source: str) -> SecretBytes:
    try:
        key = SecretBytes(base64.b64decode(encoded, validate=True))
    except (binascii.Error, ValueError):
        raise SealError(f"{source}: the key {key_id!r} is not base64. {_MAKE_ONE}") from None
    if len(key) != KEY_BYTES:
        raise SealError(f"{source}: the key {key_id!r} has {len(key)} bytes, it must have {KEY_BYTES}. {_MAKE_ONE}")
    return key
