"""Envelope encryption of API keys: every record has a data key of its own, wrapped by a master key.

The master keys come from XRAY_MASTER_KEYS ("id:base64,id2:base64", 32 bytes each) or the file that
XRAY_MASTER_KEYS_FILE names; the first one encrypts, all of them decrypt. Sealed text is JSON:
{"v": 1, "kid": master key id, "dk": wrapped data key, "ct": ciphertext}, base64 with the 12-byte nonce in front
(AES-256-GCM; the key id is authenticated with both).
"""

import base64
import binascii
import json
import os
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings

KEY_BYTES = 32
NONCE_BYTES = 12
_MAKE_ONE = "Make one with: python -c \"import os,base64;print('k1:'+base64.b64encode(os.urandom(32)).decode())\""


class SealError(Exception):
    """Sealed text cannot be opened or made; the message names the setting, never a value."""


class Secrets(dict[str, str]):
    """Decrypted values whose text form is masked, so that no log, traceback or debugger prints them."""

    def __repr__(self) -> str:
        return f"<secrets: {', '.join(sorted(self))}>"

    __str__ = __repr__


def seal(values: dict[str, str]) -> str:
    """Encrypt named values under a fresh data key and the first master key.

    Raises:
        SealError: the master keys are missing or wrong.

    """
    key_id, master = next(iter(_master_keys().items()))
    data_key, tag = AESGCM.generate_key(256), key_id.encode()
    body = json.dumps(dict(values), separators=(",", ":")).encode()
    sealed = {"v": 1, "kid": key_id, "dk": _lock(master, data_key, tag), "ct": _lock(data_key, body, tag)}
    return json.dumps(sealed, separators=(",", ":"))


def unseal(sealed: str) -> dict[str, str]:
    """Decrypt what `seal` made.

    Raises:
        SealError: its master key is not configured, or the text was changed.

    """
    envelope = _envelope(sealed)
    key_id, keys = envelope["kid"], _master_keys()
    if key_id not in keys:
        raise SealError(f"The master key {key_id!r} is not in XRAY_MASTER_KEYS; add it behind the current one.")
    tag = key_id.encode()
    data_key = _open(keys[key_id], envelope["dk"], tag)
    return Secrets(json.loads(_open(data_key, envelope["ct"], tag)))


def sealed_key_id(sealed: str) -> str:
    """The id of the master key that a sealed text needs."""
    return _envelope(sealed)["kid"]


def master_keys_check() -> list[str]:
    """What is wrong with the settings of the master keys, in words; empty when they are good."""
    try:
        _master_keys()
    except SealError as error:
        return [str(error)]
    return []


def _envelope(sealed: str) -> dict[str, str]:
    try:
        envelope = json.loads(sealed)
        if envelope["v"] == 1 and all(isinstance(envelope[key], str) for key in ("kid", "dk", "ct")):
            return dict(envelope)
    except (ValueError, KeyError, TypeError):
        pass
    raise SealError("The stored keys are not readable; enter them again.")


def _lock(key: bytes, body: bytes, tag: bytes) -> str:
    nonce = os.urandom(NONCE_BYTES)
    return base64.b64encode(nonce + AESGCM(key).encrypt(nonce, body, tag)).decode()


def _open(key: bytes, text: str, tag: bytes) -> bytes:
    try:
        raw = base64.b64decode(text, validate=True)
        return AESGCM(key).decrypt(raw[:NONCE_BYTES], raw[NONCE_BYTES:], tag)
    except (InvalidTag, ValueError):
        raise SealError("The stored keys do not open with this master key; check XRAY_MASTER_KEYS.") from None


def _master_keys() -> dict[str, bytes]:
    text, source = _configured()
    parts = [part.strip() for part in text.replace("\n", ",").split(",") if part.strip()]
    if not parts:
        raise SealError(f"{source} is empty. {_MAKE_ONE}")
    keys: dict[str, bytes] = {}
    for part in parts:
        key_id, separator, encoded = part.partition(":")
        if not separator or not key_id or key_id in keys:
            raise SealError(f"{source} must look like 'id:base64,id2:base64' with different ids. {_MAKE_ONE}")
        keys[key_id] = _decoded(key_id, encoded, source)
    return keys


def _configured() -> tuple[str, str]:
    if settings.XRAY_MASTER_KEYS:
        return settings.XRAY_MASTER_KEYS, "XRAY_MASTER_KEYS"
    if not settings.XRAY_MASTER_KEYS_FILE:
        raise SealError(f"Neither XRAY_MASTER_KEYS nor XRAY_MASTER_KEYS_FILE is set. {_MAKE_ONE}")
    try:
        return Path(settings.XRAY_MASTER_KEYS_FILE).read_text(encoding="utf-8"), "XRAY_MASTER_KEYS_FILE"
    except (OSError, UnicodeDecodeError) as error:
        raise SealError(f"XRAY_MASTER_KEYS_FILE cannot be read ({type(error).__name__}).") from None


def _decoded(key_id: str, encoded: str, source: str) -> bytes:
    try:
        key = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        raise SealError(f"{source}: the key {key_id!r} is not base64. {_MAKE_ONE}") from None
    if len(key) != KEY_BYTES:
        raise SealError(f"{source}: the key {key_id!r} has {len(key)} bytes, it must have {KEY_BYTES}. {_MAKE_ONE}")
    return key
