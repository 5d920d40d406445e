"""From ccxt's exceptions to our own tree. Matched by class name, so that ccxt is not imported to look at an error."""

import asyncio
import re
from dataclasses import dataclass

from accounts.exchanges import clocks
from accounts.exchanges.errors import (
    AnswerUnreadable,
    ExchangeAmbiguous,
    ExchangeError,
    ExchangeNotFound,
    ExchangeRefused,
    ExchangeRetry,
    ExchangeStopped,
)
from accounts.exchanges.quirks import NAMES, Quirks, quirks_for
from accounts.scrub import scrub

RAW_LENGTH = 600


@dataclass(frozen=True, slots=True)
class _Rule:
    names: tuple[str, ...]
    kind: type[ExchangeError]
    advice: str


# The first rule with a name among the error's classes holds, so children stand before their parents.
RULES = (
    _Rule(("DDoSProtection", "RateLimitExceeded"), ExchangeRetry, "Too many requests: it is tried again later."),
    _Rule(("InvalidNonce",), ExchangeRetry, "The clocks differ: they are synchronised and it is tried again."),
    _Rule(("OnMaintenance",), ExchangeRetry, "The exchange is under maintenance: it is tried again later."),
    _Rule(("ExchangeClosedByUser",), ExchangeRetry, "The connection was being closed: it is tried again."),
    _Rule(("RestrictedLocation",), ExchangeStopped, "The exchange does not serve this location."),
    _Rule(("AccountSuspended", "AccountNotEnabled"), ExchangeStopped, "Ask the exchange to enable the account."),
    _Rule(("PermissionDenied",), ExchangeStopped, "The key lacks a permission: allow reading and spot trading."),
    _Rule(("AuthenticationError",), ExchangeStopped, "The key, secret or passphrase is wrong or revoked: replace it."),
    _Rule(("InsufficientFunds",), ExchangeRefused, "There is not enough free balance: lower the amount or deposit."),
    _Rule(("DuplicateOrderId",), ExchangeAmbiguous, "An order with this id is there already: look it up."),
    _Rule(("OrderNotFound", "OrderNotCached"), ExchangeNotFound, "The exchange does not know this order."),
    _Rule(("OrderImmediatelyFillable",), ExchangeRefused, "The price would have taken at once: choose a maker price."),
    _Rule(
        ("InvalidOrder",), ExchangeRefused, "The order breaks a rule of the market: check amount, price and minimum."
    ),
    _Rule(("BadSymbol",), ExchangeRefused, "The exchange does not trade this symbol: choose another."),
    _Rule(("MarketClosed", "ContractUnavailable"), ExchangeRefused, "The market is closed now."),
    _Rule(("OperationRejected", "ManualInteractionNeeded"), ExchangeRefused, "The exchange does not allow this."),
    _Rule(("NotSupported",), ExchangeRefused, "The exchange (or this server) does not offer this."),
    _Rule(("ArgumentsRequired", "BadRequest", "InvalidAddress"), ExchangeRefused, "The request is not well formed."),
    _Rule(("RequestTimeout",), ExchangeAmbiguous, "No answer in time: it is looked up before it is sent again."),
    _Rule(("BadResponse", "NullResponse"), AnswerUnreadable, "The answer is unreadable: it is looked up."),
    _Rule(("NetworkError",), ExchangeAmbiguous, "The connection broke: it is looked up before it is sent again."),
    _Rule(("OperationFailed",), ExchangeAmbiguous, "The exchange failed inside: it is looked up."),
    _Rule(
        ("ExchangeError", "BaseError"), ExchangeAmbiguous, "The exchange answered something unknown: it is looked up."
    ),
)
_NOT_SENT = ("ClientConnectorError", "ClientConnectorDNSError", "gaierror", "ConnectionRefusedError")


# ccxt's id, method, URL and status, or a websocket's refused handshake: certainly nothing was done.
_NOT_OFFERED = re.compile(r"\w+ [A-Z]+ \S+ (404|405|501) |(404|405|501), message=")
_CODE = re.compile(r'"(?:sCode|retCode|code)":"?(-?\d+)')
_UNDONE = re.compile(r"time-?out|timed out|for processing|being processed|duplicat|network", re.IGNORECASE)
_SAYING = re.compile(r'"(sMsg|retMsg|msg)":"([^"]*)"')


def translation(error: BaseException, what: str) -> ExchangeError | None:
    """Our own error for one raised by ccxt or its transport; None for anything else (a bug stays a bug)."""
    if (found := _from_guard(error, what)) is not None:
        return found
    names = [kind.__name__ for kind in type(error).__mro__]
    if any(kind.__module__.startswith("ccxt.") for kind in type(error).__mro__):
        return _from_ccxt(error, names, what)
    if isinstance(error, asyncio.TimeoutError | OSError) or "ClientError" in names:
        kind = ExchangeRetry if _was_not_sent(error) else ExchangeAmbiguous
        return kind(f"{what}: the connection failed ({type(error).__name__}).", raw=_raw(error))
    return None


def answered(error: BaseException) -> bool:
    """Whether the server did answer, if only with an error or a page: asking the same again would change nothing."""
    kinds = {kind.__name__ for link in _chain(error) for kind in type(link).__mro__}
    return "NoData" in kinds or not kinds & {"NetworkError", "TimeoutError", "OSError"}


def _chain(error: BaseException) -> list[BaseException]:
    links: list[BaseException] = []
    current: BaseException | None = error
    while current is not None and len(links) < 8:
        links.append(current)
        inner = current.args[0] if current.args and isinstance(current.args[0], BaseException) else None
        current = current.__cause__ or inner or current.__context__
    return links


def _from_guard(error: BaseException, what: str) -> ExchangeError | None:
    """The guard's own errors, also where ccxt kept only their words (its websocket errors do)."""
    for link in _chain(error):
        name = type(link).__name__
        if name == "DialRefused" or (name == "NetworkError" and "was not dialled" in str(link)):
            return ExchangeRefused(f"{what}: {link}")
        if name == "NoData":
            return AnswerUnreadable(f"{what}: {link}", raw=scrub(str(getattr(link, "body", "")))[:RAW_LENGTH])
        if name == "Barred":
            return ExchangeRetry(f"{what}: {link}", retry_after_s=getattr(link, "retry_after_s", None))
    return None


def _was_not_sent(error: BaseException) -> bool:
    return any(kind.__name__ in _NOT_SENT for link in _chain(error) for kind in type(link).__mro__)


def _from_ccxt(error: BaseException, names: list[str], what: str) -> ExchangeError:
    raw, quirks, text = _raw(error), _quirks_of(error), str(error).replace('": ', '":')
    if quirks and any(mark in text for mark in quirks.stop_marks):
        return ExchangeStopped(f"{what}: the key is wrong or revoked: replace it.", raw=raw)
    if quirks and any(mark in text for mark in quirks.duplicate_marks):
        return ExchangeAmbiguous(f"{what}: an order with this id is there already: look it up.", raw=raw)
    if "NetworkError" in names and _was_not_sent(error):
        return ExchangeRetry(f"{what}: the exchange cannot be reached. It is tried again later.", raw=raw)
    if "NetworkError" in names and _NOT_OFFERED.match(str(error)):
        return ExchangeRefused(f"{what}: The exchange (or this server) does not offer this.", raw=raw)
    if quirks and "InvalidNonce" in names:
        clocks.doubt(quirks.name)
    rule = next(rule for rule in RULES if any(name in names for name in rule.names))
    if issubclass(rule.kind, ExchangeRefused) and _may_have_been(text, quirks):
        return ExchangeAmbiguous(f"{what}: it may have been accepted: it is looked up.", raw=raw)
    return rule.kind(f"{what}: {rule.advice}{_told(rule, text)}", retry_after_s=_retry_after(rule, quirks), raw=raw)


def _may_have_been(text: str, quirks: Quirks | None) -> bool:
    """Whether a refusal in ccxt's eyes tells of a time-out, of work that goes on, or of an order that is there."""
    code = _CODE.search(text)
    return bool(_UNDONE.search(text)) or bool(quirks and code and code.group(1) in quirks.unclear_codes)


def _told(rule: _Rule, text: str) -> str:
    """Which rule of the market an order breaks: the exchange alone knows it, so it is told in its words."""
    said = dict(_SAYING.findall(text)) if "InvalidOrder" in rule.names else {}
    words = next((said[name] for name in ("sMsg", "retMsg", "msg") if said.get(name)), "")
    if "PERCENT_PRICE" in words:
        return f" Its price is too far from the market's ({words})."
    return f" The exchange says: {scrub(words)[:120]}." if words else ""


def _retry_after(rule: _Rule, quirks: Quirks | None) -> float | None:
    from accounts.exchanges.budget import ban_left

    return (ban_left(quirks.name) or None) if quirks and rule.kind is ExchangeRetry else None


def _quirks_of(error: BaseException) -> Quirks | None:
    """ccxt begins its messages with the exchange's id."""
    word = str(error).split(" ", 1)[0]
    return quirks_for(word) if word in NAMES else None


def _raw(error: BaseException) -> str:
    return scrub(re.sub(r"\s+", " ", f"{type(error).__name__}: {error}"))[:RAW_LENGTH]
