"""The process of one custom strategy: loads a source text that it is sent, and answers what the platform asks of it.

Started with an empty environment in an empty folder. Pipes: 0 questions, 1 answers, 2 tracebacks that the kernel's
signal handler writes when the platform asks where a strategy is (see `signals.custom.client`).
"""

import faulthandler
import importlib
import io
import os
import resource
import signal
import sys
from collections.abc import Callable
from types import ModuleType, TracebackType
from typing import Any

import numpy as np

from signals.custom import sandbox, trace, wire
from signals.custom.allowed import ALLOWED, PRELOADED
from signals.custom.contract import ContractError, decisions_checked, described, planned, texts_checked
from signals.domain.lanes import Lanes
from signals.domain.strategies.base import ParameterError, Strategy

PRICES = ("open", "high", "low", "close", "volume")
GRACE_S = 3.0  # a question that outlives its time by so much ends the process, even when the platform is gone
LINE = 240
METHODS = {"plan": "indicators", "decide": "decide", "reasons": "reason", "explain": "decide"}

Answer = tuple[dict[str, Any], dict[str, np.ndarray]]


class Loaded:
    """The strategy's code, executed anew for every question, so that nothing is carried from one to the next."""

    def __init__(self, file: str, source: str) -> None:
        self.file, self.lines = file, source.splitlines()
        self.code = compile(source, file, "exec", dont_inherit=True)
        self.kept: Strategy | None = None

    def strategy(self, fresh: bool) -> Strategy:
        """The one strategy of the file. Raises ContractError when there is none, or more than one."""
        if self.kept is None or fresh:
            self.kept = self._made()
        return self.kept

    def _made(self) -> Strategy:
        module = ModuleType("strategy")
        module.__file__ = self.file
        sys.modules["strategy"] = module  # dataclasses look their module up
        exec(self.code, module.__dict__)  # nosec B102 - the purpose of this locked process
        own = [
            kind
            for kind in vars(module).values()
            if isinstance(kind, type) and issubclass(kind, Strategy) and kind.__module__ == "strategy"
        ]
        if len(own) != 1:
            raise ContractError(f"The file must define one class that extends Strategy; it defines {len(own)}.")
        return own[0]()


class Host:
    """Answers questions one after the other."""

    def __init__(self) -> None:
        self.loaded: Loaded | None = None
        self.answers: dict[str, Callable[..., Answer]] = {
            "load": self._load, "plan": self._plan, "decide": self._decide, "reasons": self._reasons,
            "explain": self._explain,
        }  # fmt: skip

    def answer(self, header: dict[str, Any], arrays: dict[str, np.ndarray]) -> list[bytes]:
        """The frame that answers one question; whatever the strategy does wrong is an answer, too."""
        signal.setitimer(signal.ITIMER_REAL, float(header["seconds"]) + GRACE_S)
        sys.stdout = sys.stderr = Sink()
        try:
            with np.errstate(all="ignore"):
                body, out = self.answers[header["ask"]](header, arrays)
        except BaseException as error:
            body, out = {"error": self._error(error, METHODS.get(header["ask"], ""))}, {}
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
        usage = resource.getrusage(resource.RUSAGE_SELF)
        facts = {"cpu_s": round(usage.ru_utime + usage.ru_stime, 3)}
        return wire.pack({**body, **facts}, out)

    def _load(self, header: dict[str, Any], _arrays: Any) -> Answer:
        self.loaded = Loaded(header["file"], header["source"])
        strategy = self.loaded.strategy(True)
        return {"described": {**described(strategy), "decides_at": _last_line(strategy, "decide")}}, {}

    def _plan(self, header: dict[str, Any], _arrays: Any) -> Answer:
        return {"plan": planned(self._strategy(header), header["values"])}, {}

    def _decide(self, header: dict[str, Any], arrays: Any) -> Answer:
        lanes = lanes_of(arrays)
        said = self._strategy(header).decide(lanes, header["values"])
        said = decisions_checked(said, lanes.close.shape)
        details = {f"details.{name}": array for name, array in said.details.items()}
        return {}, {"side": said.side, "confidence": said.confidence, **details}

    def _reasons(self, header: dict[str, Any], _arrays: Any) -> Answer:
        strategy, values = self._strategy(header), header["values"]
        return {"reasons": texts_checked(strategy.reason(side, values, given) for side, given in header["items"])}, {}

    def _explain(self, header: dict[str, Any], arrays: Any) -> Answer:
        """Trace two runs and say at which line they part."""
        assert self.loaded is not None
        lanes, length, from_end = lanes_of(arrays), int(header["length"]), header["from_end"]
        part = lanes.last(length) if from_end is not None else first(lanes, length)
        if header["fresh"]:
            runs, cut = (
                (self._traced(lanes, header, True), self._traced(part, header, True)),
                lanes.close.shape[1] - length,
            )
        else:  # the same question before and after another one
            before = self._traced(part, header, True)
            self._traced(lanes, header, False)
            runs, cut = (before, self._traced(part, header, False)), 0
        found = trace.first_difference(*runs, cut=cut, from_end=from_end)
        return {"difference": None if found is None else self._told(found)}, {}

    def _traced(self, lanes: Lanes, header: dict[str, Any], fresh: bool) -> trace.Run:
        assert self.loaded is not None
        strategy = self.loaded.strategy(fresh)
        return trace.traced(lambda: strategy.decide(lanes, header["values"]), self.loaded.file)

    def _strategy(self, header: dict[str, Any]) -> Strategy:
        if self.loaded is None:
            raise ContractError("No strategy is loaded.")
        return self.loaded.strategy(bool(header.get("fresh", True)))

    def _told(self, found: trace.Difference) -> dict[str, Any]:
        told = {name: getattr(found, name) for name in ("line", "function", "variable", "lane", "candle")}
        numbers = {name: repr(getattr(found, name)) for name in ("whole", "part")}  # NaN is no JSON
        return {**told, **numbers, "source": self._source(found.line)}

    def _error(self, error: BaseException, method: str) -> dict[str, Any]:
        """What was raised, and the innermost line of the strategy's file that led to it."""
        line, function = self._place(error)
        if not line and self.loaded is not None:
            line, function = _last_line(self.loaded.kept, method), method
        kind = "contract" if isinstance(error, (ContractError, ParameterError)) else "raises"
        kind = "memory" if isinstance(error, MemoryError) else kind
        text = _text(error)
        return {
            "kind": "syntax" if isinstance(error, SyntaxError) else kind,
            "type": type(error).__name__[:80],
            "text": text[:LINE * 2],
            "parameter": isinstance(error, ParameterError),
            "line": line,
            "function": function,
            "source": self._source(line),
        }  # fmt: skip

    def _place(self, error: BaseException) -> tuple[int, str]:
        if isinstance(error, SyntaxError) and error.lineno:
            return error.lineno, ""
        line, function, step = 0, "", error.__traceback__
        while isinstance(step, TracebackType):
            if self.loaded is not None and step.tb_frame.f_code.co_filename == self.loaded.file:
                line, function = step.tb_lineno, step.tb_frame.f_code.co_name
            step = step.tb_next
        return line, function

    def _source(self, line: int) -> str:
        lines = self.loaded.lines if self.loaded is not None else []
        return lines[line - 1].strip()[:LINE] if 0 < line <= len(lines) else ""


def _last_line(strategy: Strategy | None, method: str) -> int:
    """Where a method gives its answer: its last line. 0 where it is not in the file."""
    code = getattr(vars(type(strategy)).get(method), "__code__", None)
    return max((line or 0 for _from, _to, line in code.co_lines()), default=0) if code is not None else 0


class Sink(io.TextIOBase):
    """Takes what a strategy prints and forgets it."""

    def writable(self) -> bool:
        """Yes."""
        return True

    def write(self, text: str) -> int:
        """Nowhere."""
        return len(text)


def lanes_of(arrays: dict[str, np.ndarray]) -> Lanes:
    """The question's arrays as lanes; they are read-only."""
    columns = {name: array for name, array in arrays.items() if name not in PRICES}
    return Lanes(**{name: arrays[name] for name in PRICES}, columns=columns)  # type: ignore[arg-type]


def first(lanes: Lanes, length: int) -> Lanes:
    """The oldest `length` candles."""
    columns = {name: values[:, :length] for name, values in lanes.columns.items()}
    return Lanes(**{name: getattr(lanes, name)[:, :length] for name in PRICES}, columns=columns)


def _text(error: BaseException) -> str:
    try:
        return str(error)
    except BaseException:
        return "(its text cannot be made)"


def read_exactly(size: int) -> bytes:
    """So many bytes of the questions; ends the process when the platform is gone."""
    pieces = []
    while size:
        piece = os.read(0, min(size, 1 << 20))
        if not piece:
            os._exit(0)
        pieces.append(piece)
        size -= len(piece)
    return b"".join(pieces)


def write_all(pieces: list[bytes]) -> None:
    """Send an answer."""
    for piece in pieces:
        rest = memoryview(piece)
        while rest:
            rest = rest[os.write(1, rest) :]


def main(memory_mb: int, question_limit: int) -> None:
    """Import what strategies may use, lock the process, say so, and answer for ever."""
    for name in PRELOADED:
        importlib.import_module(name)
    faulthandler.register(signal.SIGUSR1, file=2, all_threads=False)
    sandbox.limits_set(memory_mb)
    host = Host()
    locked = sandbox.lock(ALLOWED)
    write_all(wire.pack({"hello": True, "kernel": locked, "uid": os.getuid()}, {}))
    while True:
        header_size, body_size = wire.sizes(read_exactly(wire.HEAD.size), question_limit)
        header, arrays = wire.unpack(read_exactly(header_size), read_exactly(body_size))
        write_all(host.answer(header, arrays))
