"""Values that work as what they are and whose `repr` is a mask: locals of a traceback, a debugger, a printed dict.

`accounts.crypto` opens stored keys into these, and forms wrap what is typed in. Only `repr` is masked: a text that
changed under `str()` would be signed wrongly by whoever uses that. What is printed otherwise `accounts.scrub` masks.
"""

from typing import Any

MASK = "<secret>"


class Secret(str):
    """Text with a masked `repr`. Slices, and what is joined from it, are plain text again."""

    __slots__ = ()

    def __repr__(self) -> str:
        return MASK

    def __deepcopy__(self, memo: Any) -> "Secret":
        return self

    def __reduce_ex__(self, protocol: Any) -> Any:
        raise TypeError("A secret is not put into a message, a cache or a file.")


class SecretBytes(bytes):
    """Bytes with masked printed forms: master keys, data keys, opened records."""

    __slots__ = ()

    def __repr__(self) -> str:
        return MASK

    __str__ = __repr__


class Secrets(dict[str, str]):
    """Opened values by name; its text form shows the names only."""

    def __repr__(self) -> str:
        return f"<secrets: {', '.join(sorted(self))}>"

    __str__ = __repr__
