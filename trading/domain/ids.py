"""Identities that derive from what they belong to, so that a repeated step names the same things."""

import base64
import hashlib
from uuid import UUID, uuid5

CLIENT_ORDER_ID_LENGTH = 26


def position_id(intent_id: UUID) -> UUID:
    """The position that an entry intent opens."""
    return uuid5(intent_id, "position")


def exit_intent_id(position: UUID, purpose: str, tried: int) -> UUID:
    """The intent of an exit that the engine decided itself, after `tried` exit orders."""
    return uuid5(position, f"exit:{purpose}:{tried}")


def step_intent_id(position: UUID, purpose: str, number: int) -> UUID:
    """The intent of a step that the engine takes beside an exit: a profit step or a step in, by its number."""
    return uuid5(position, f"step:{purpose}:{number}")


def client_order_id(deployment_id: str, intent_id: UUID, leg: int) -> str:
    """Lower-case letters and digits, 26 of them; the same on every resubmission of the same leg."""
    digest = hashlib.sha256(f"{deployment_id}:{intent_id}:{leg}".encode()).digest()
    return base64.b32encode(digest[:16]).decode().rstrip("=").lower()
