"""The platform's own small tree of exchange errors: each class says what the caller should do.

ccxt's errors are translated here and nowhere else. Wrap every call of a ccxt client in `translated()`.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from accounts.scrub import scrub


class ExchangeError(Exception):
    """Something went wrong at an exchange.

    `code` is a short word for logs and the API, `retry_after_s` how long to wait (when known), `raw` the exchange's
    own words, scrubbed of secrets.
    """

    code = "exchange_error"

    def __init__(self, message: str, *, retry_after_s: float | None = None, raw: str = "") -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s
        self.raw = raw


class ExchangeRetry(ExchangeError):
    """Nothing happened (or it was only a question): try again later."""

    code = "exchange_retry"


class ExchangeNotSent(ExchangeRetry):
    """It certainly never left: a ban, or a turn that did not come in time."""

    code = "exchange_not_sent"


class ExchangeRefused(ExchangeError):
    """This request will never pass as it is: change it."""

    code = "exchange_refused"


class ExchangeNotFound(ExchangeRefused):
    """The exchange answered, cleanly, that it does not know this order."""

    code = "exchange_not_found"


class ExchangeStopped(ExchangeError):
    """The key, the account or the address is barred: stop this account until somebody acts."""

    code = "exchange_stopped"


class KeysClosed(ExchangeStopped):
    """The account's keys cannot be opened here: a matter of this platform's master keys, not of the account."""

    code = "keys_closed"


class ExchangeAmbiguous(ExchangeError):
    """It may have happened: look it up before doing it again."""

    code = "exchange_ambiguous"


class AnswerUnreadable(ExchangeAmbiguous):
    """The exchange did answer, and nobody can tell what: a page, nothing, fields that are missing or no numbers."""

    code = "answer_unreadable"


class AnswerImpossible(AnswerUnreadable):
    """What the answer says cannot be, so that money is unclear: a person has to look."""

    code = "answer_impossible"


RAW_LENGTH = 4000  # of an answer that is kept
# What an exchange answered last in this task: kept when a parser stumbles over it.
last_said: ContextVar[bytes] = ContextVar("last_said", default=b"")
# What a parser raises that meets what it did not expect.
PARSING = (ValueError, TypeError, LookupError, AttributeError, ArithmeticError)


@contextmanager
def readable(what: str = "The answer") -> Iterator[None]:
    """Raise AnswerUnreadable for whatever a parser of an exchange's answer stumbles over inside."""
    try:
        yield
    except PARSING as error:
        raw = scrub(last_said.get()[:RAW_LENGTH].decode("utf-8", "replace"))
        words = f"{what}: it does not parse ({type(error).__name__})."
        raise AnswerUnreadable(words, raw=raw) from _harmless(error)


@contextmanager
def translated(what: str = "The request") -> Iterator[None]:
    """Raise our own error for whatever ccxt raises inside; `what` begins the message."""
    try:
        yield
    except ExchangeError:
        raise
    except Exception as error:
        from accounts.exchanges.error_map import translation

        found = translation(error, what)
        if found is None:
            raise
        raise found from _harmless(error)


def _harmless(error: BaseException) -> BaseException:
    """The error without the frames of ccxt and its transport, whose values are what was signed and sent, and without
    keys in its words: so it can be printed by any crash handler."""
    link: BaseException | None = error
    while link is not None:
        link.args = tuple(scrub(word) if isinstance(word, str) else word for word in link.args)
        link.__traceback__ = None
        link = link.__cause__ or link.__context__
    return error
