"""Binance's error codes, messages and HTTP statuses, one constructor each.

The texts are part of the protocol: clients such as ccxt tell errors apart by them.
"""

from typing import Any


class ApiError(Exception):
    """A refusal that goes to the client as ``{"code": ..., "msg": ...}``.

    ``status`` is the HTTP status, ``headers`` are added to the answer, ``data`` is Binance's optional ``data`` member.
    """

    def __init__(
        self, code: int, message: str, status: int = 400, headers: dict[str, str] | None = None, data: Any = None
    ) -> None:
        super().__init__(message)
        self.code, self.message, self.status, self.headers, self.data = code, message, status, headers or {}, data

    def body(self) -> dict[str, Any]:
        """The JSON object Binance answers with."""
        answer: dict[str, Any] = {"code": self.code, "msg": self.message}
        if self.data is not None:
            answer["data"] = self.data
        return answer


class StartError(Exception):
    """The server cannot start as asked; the message says what is allowed (exit code 2)."""


def unknown_error() -> ApiError:
    """A fault of the exchange itself."""
    return ApiError(-1000, "An unknown error occurred while processing the request.", 500)


def not_found() -> ApiError:
    """No such endpoint."""
    return ApiError(-1000, "Path not found.", 404)


def unauthorized() -> ApiError:
    """An unknown key, or one without the permission."""
    return ApiError(-2015, "Invalid API-key, IP, or permissions for action.", 401)


def bad_key_format() -> ApiError:
    """No key, or what cannot be one."""
    return ApiError(-2014, "API-key format invalid.", 401)


def bad_signature() -> ApiError:
    """Not signed with this key's secret."""
    return ApiError(-1022, "Signature for this request is not valid.")


def late_timestamp() -> ApiError:
    """Older than its recvWindow."""
    return ApiError(-1021, "Timestamp for this request is outside of the recvWindow.")


def early_timestamp() -> ApiError:
    """From the future."""
    return ApiError(-1021, "Timestamp for this request was 1000ms ahead of the server's time.")


def long_window() -> ApiError:
    """A recvWindow above a minute."""
    return ApiError(-1131, "recvWindow must be less than 60000.")


def missing(name: str) -> ApiError:
    """A mandatory parameter is missing."""
    return ApiError(-1102, f"Mandatory parameter '{name}' was not sent, was empty/null, or malformed.")


def missing_either(first: str, second: str) -> ApiError:
    """One of two parameters is needed."""
    return ApiError(-1102, f"Param '{first}' or '{second}' must be sent, but both were empty/null!")


def illegal(name: str) -> ApiError:
    """A client id with characters it may not have."""
    allowed = "^[a-zA-Z0-9-_.:/]{1,36}$"
    return ApiError(-1100, f"Illegal characters found in parameter '{name}'; legal range is '{allowed}'.")


def not_required(name: str) -> ApiError:
    """A parameter that does not go with this kind of order."""
    return ApiError(-1106, f"Parameter '{name}' sent when not required.")


def bad_value(name: str) -> ApiError:
    """A parameter that cannot be read."""
    return ApiError(-1130, f"Data sent for parameter '{name}' is not valid.")


def market_closed() -> ApiError:
    """A pair that does not trade now."""
    return ApiError(-1013, "Market is closed.")


def bad_symbol() -> ApiError:
    """No such pair."""
    return ApiError(-1121, "Invalid symbol.")


def bad_interval() -> ApiError:
    """No such kline interval."""
    return ApiError(-1120, "Invalid interval.")


def bad_choice(code: int, what: str) -> ApiError:
    """A word that is not among the allowed ones."""
    return ApiError(code, f"Invalid {what}.")


def filter_failure(name: str) -> ApiError:
    """An order outside one of the pair's filters."""
    return ApiError(-1013, f"Filter failure: {name}")


def rejected(message: str) -> ApiError:
    """The matching engine said no (-2010): the order passed the filters but may not stand."""
    return ApiError(-2010, message)


def insufficient() -> ApiError:
    """Not enough free balance."""
    return rejected("Account has insufficient balance for requested action.")


def cancel_rejected() -> ApiError:
    """Nothing open to cancel under that id."""
    return ApiError(-2011, "Unknown order sent.")


def no_such_order() -> ApiError:
    """No order, open or closed, under that id."""
    return ApiError(-2013, "Order does not exist.")


def no_such_list() -> ApiError:
    """No order list under that id."""
    return ApiError(-2018, "Order list does not exist.")


def no_such_listen_key() -> ApiError:
    """An unknown or expired listen key."""
    return ApiError(-1125, "This listenKey does not exist.")


def too_many_orders(limit: int) -> ApiError:
    """Above the order rate."""
    return ApiError(-1015, f"Too many new orders; current limit is {limit} orders per 10 SECOND.", 429)


def too_much_weight(limit: int, retry_after: int) -> ApiError:
    """Above the request weight: come back after Retry-After seconds."""
    text = (
        f"Too much request weight used; current limit is {limit} request weight per 1 MINUTE. "
        "Please use WebSocket Streams for live updates to avoid polling the API."
    )
    return ApiError(-1003, text, 429, {"Retry-After": str(retry_after)})


def banned(until_ms: int, retry_after: int) -> ApiError:
    """Kept asking after 429."""
    text = (
        f"Way too much request weight used; IP banned until {until_ms}. "
        "Please use WebSocket Streams for live updates to avoid bans."
    )
    return ApiError(-1003, text, 418, {"Retry-After": str(retry_after)})
