"""Values that are used as they are and printed as a mask: in a log, a traceback with its locals, a debugger, a repr.

`accounts.crypto` opens stored keys into these, and forms wrap what is typed in. A `Secret` works wherever text does
(signing, joining, JSON); only its printed forms are hidden, so what is to be sent as a header must be taken `plain()`.
"""

from typing import Any

MASK = "<secret>"


class Secret(str):
    """Text with masked printed forms. Slices, and what is joined from it, are plain text again."""

    __slots__ = ()

    def __repr__(self) -> str:
        return MASK

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return MASK

    def __deepcopy__(self, memo: Any) -> "Secret":
        return self

    def __reduce_ex__(self, protocol: Any) -> Any:
        raise TypeError("A secret is not put into a message, a cache or a file.")

    def plain(self) -> str:
        """The text itself."""
        return str.__str__(self)


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
