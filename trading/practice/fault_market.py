"""Faults of what a request meets or shows: too little to trade with, old answers, candles that are left out."""

from collections import OrderedDict
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

from trading.practice.gateway import Answer, Proceed, Request

if TYPE_CHECKING:
    from trading.practice.faults import Desk, Fault

REMEMBERED = 1000
PASSING = ("timestamp", "signature", "recvWindow")  # parameters that differ each time the same is asked
LEFT_OUT = 0.1  # of the candles of an answer


class Remembered:
    """The last answers to questions (GET), for scripts that give old ones."""

    def __init__(self) -> None:
        self._answers: OrderedDict[Any, Answer] = OrderedDict()

    def keep(self, request: Request, answer: Answer) -> None:
        """Remember an answer; the oldest are forgotten."""
        if request.endpoint.method == "GET" and answer.status == 200:
            self._answers[_question(request)] = answer
            while len(self._answers) > REMEMBERED:
                self._answers.popitem(last=False)

    def of(self, request: Request) -> Answer | None:
        """What was answered to the same question the last time."""
        return self._answers.get(_question(request))


def _question(request: Request) -> Any:
    asked = sorted((name, str(value)) for name, value in request.params.items() if name not in PASSING)
    return request.endpoint.path, request.key, tuple(asked)


async def stale_answer(desk: "Desk", fault: "Fault", request: Request, proceed: Proceed) -> Answer:
    """What was true the last time that the same was asked; the truth where it never was."""
    return desk.remembered.of(request) or await proceed(request)


async def partial_fill(desk: "Desk", fault: "Fault", request: Request, proceed: Proceed) -> Answer:
    """The market shows half of what an order wants: at the market the rest expires, with a limit it rests."""
    engine = desk.gateway.exchange.engine
    wanted = request.params.get("quantity")
    try:
        engine.shown = None if wanted is None else Decimal(str(wanted)) / 2
    except InvalidOperation:
        engine.shown = None  # the exchange refuses it by itself
    try:
        return await proceed(request)
    finally:
        engine.shown = None


async def candle_gaps(desk: "Desk", fault: "Fault", request: Request, proceed: Proceed) -> Answer:
    """Some candles are missing in between, as after an outage of the exchange's own recording."""
    answer = await proceed(request)
    if answer.status == 200 and isinstance(answer.body, list) and request.endpoint.path.endswith("klines"):
        inner = range(1, len(answer.body) - 1)
        gone = {number for number in inner if desk.chance.random() < LEFT_OUT}
        answer.body = [row for number, row in enumerate(answer.body) if number not in gone]
    return answer
