"""The platform's side of one strategy's process: start, ask with a time limit, find out where it hangs, end it."""

import os
import re
import select
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from signals.custom import wire

ROOT = Path(__file__).resolve().parent.parent.parent
START_S = 30.0  # a busy machine imports numpy slowly
LOAD_S = 5.0
TRACE_S = 0.5
TRACE_BYTES = 65_536
BODY_LIMIT = 1 << 30
PROGRAM = "import sys; sys.path.insert(0, {root!r}); from signals.custom.host import main; main({memory}, {limit})"
ENVIRONMENT = {f"{name}_NUM_THREADS": "1" for name in ("OPENBLAS", "OMP", "MKL")} | {"LC_ALL": "C.UTF-8"}


@dataclass(frozen=True, slots=True)
class Place:
    """A line of a strategy's file; line 0: unknown."""

    line: int = 0
    source: str = ""
    function: str = ""


class StrategyFailure(Exception):
    """A strategy's process did not give what was asked; the message says why and what to do.

    `kind`: syntax, contract, raises, memory, slow, crash, protocol, sandbox. `parameter`: the values were refused by
    the strategy's own rule, which is no fault of it.
    """

    def __init__(self, kind: str, message: str, place: Place | None = None, *, parameter: bool = False) -> None:
        super().__init__(message)
        self.kind, self.place, self.parameter = kind, place or Place(), parameter


class Child:
    """One running process with one strategy loaded. Questions from several threads are asked one after the other."""

    def __init__(self, *, file: str, source: str, memory_mb: int, unsafe: bool = False) -> None:
        """Start the process and load the source. Raises StrategyFailure; no process is left then."""
        self.file, self.source, self.lines = file, source, source.splitlines()
        self.cpu_s = 0.0
        self._lock = threading.Lock()
        self._folder = tempfile.mkdtemp(prefix="xray-strategy-")
        self._process = self._started(memory_mb)
        try:
            hello, _ = self._answer(time.monotonic() + START_S, 0)
            self.kernel = bool(hello.get("kernel"))
            if not self.kernel and not unsafe:
                raise StrategyFailure("sandbox", NO_KERNEL)
            self.described: dict[str, Any] = self.ask("load", LOAD_S, file=file, source=source)[0]["described"]
        except BaseException:
            self.stop()
            raise

    @property
    def alive(self) -> bool:
        """Whether it can be asked."""
        return self._process.poll() is None

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    @property
    def memory_mb(self) -> float:
        """The most memory it has held so far; 0 where the system does not tell."""
        try:
            status = Path(f"/proc/{self._process.pid}/status").read_text()
        except OSError:
            return 0.0
        found = re.search(r"VmHWM:\s+(\d+) kB", status)
        return round(int(found.group(1)) / 1024, 1) if found else 0.0

    def ask(
        self,
        what: str,
        seconds: float,
        arrays: Mapping[str, np.ndarray] | None = None,
        body_limit: int = 0,
        **header: Any,
    ) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        """One question and its answer (header, arrays).

        Raises StrategyFailure: the strategy raised (the process goes on), or the process did not answer in time,
        broke the protocol or ended (it is stopped).
        """
        with self._lock:
            until = time.monotonic() + seconds
            try:
                self._send(wire.pack({"ask": what, "seconds": seconds, **header}, arrays or {}), until)
                answer, out = self._answer(until, body_limit)
            except TimeoutError:
                raise self._slow(seconds) from None
            except Exception as error:  # whatever it wrote: from here on the pipe cannot be trusted
                raise self._ended(error) from None
        if isinstance(answer.get("error"), dict):
            raise self._raised(answer["error"])
        return answer, out

    def stop(self) -> None:
        """End the process and everything it might have started."""
        if self._process.poll() is None:
            try:
                os.killpg(self._process.pid, signal.SIGKILL)
            except (ProcessLookupError, PermissionError):
                self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout, self._process.stderr):
            if pipe is not None:
                pipe.close()
        if Path(self._folder).exists():
            Path(self._folder).rmdir()

    def _started(self, memory_mb: int) -> subprocess.Popen[bytes]:
        program = PROGRAM.format(root=str(ROOT), memory=memory_mb, limit=BODY_LIMIT)
        process = subprocess.Popen(
            [sys.executable, "-I", "-B", "-c", program],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            cwd=self._folder, env=ENVIRONMENT, close_fds=True, start_new_session=True, bufsize=0,
        )  # fmt: skip
        for pipe in (process.stdin, process.stdout, process.stderr):
            assert pipe is not None
            os.set_blocking(pipe.fileno(), False)
        return process

    def _send(self, pieces: list[bytes], until: float) -> None:
        assert self._process.stdin is not None
        pipe = self._process.stdin.fileno()
        for piece in pieces:
            rest = memoryview(piece)
            while rest:
                _wait(pipe, until, select.POLLOUT)
                try:
                    rest = rest[os.write(pipe, rest) :]
                except BlockingIOError:
                    continue

    def _answer(self, until: float, body_limit: int) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        header_size, body_size = wire.sizes(self._read(wire.HEAD.size, until), body_limit)
        answer, out = wire.unpack(self._read(header_size, until), self._read(body_size, until))
        self.cpu_s = _number(answer.get("cpu_s"))
        return answer, out

    def _read(self, size: int, until: float) -> bytes:
        assert self._process.stdout is not None
        pipe, pieces = self._process.stdout.fileno(), bytearray()
        while len(pieces) < size:
            _wait(pipe, until, select.POLLIN)
            try:
                piece = os.read(pipe, min(size - len(pieces), 1 << 20))
            except BlockingIOError:
                continue
            if not piece:
                raise Ended("the process ended")
            pieces += piece
        return bytes(pieces)

    def _slow(self, seconds: float) -> StrategyFailure:
        place = self._where()
        self.stop()
        return StrategyFailure(
            "slow",
            f"No answer within {seconds:g} s; it was stopped{_at(place)}. Work on whole arrays instead of loops over "
            "candles, and look at fewer candles.",
            place,
        )

    def _where(self) -> Place:
        """The line of the strategy's file it is at, by the signal whose handler is faulthandler's."""
        assert self._process.stderr is not None
        pipe, seen, until = self._process.stderr.fileno(), b"", time.monotonic() + TRACE_S
        try:
            os.kill(self._process.pid, signal.SIGUSR1)
            while len(seen) < TRACE_BYTES:
                _wait(pipe, until, select.POLLIN)
                piece = os.read(pipe, 4096)
                seen += piece
                if not piece or b'File "<string>"' in seen:  # the outermost frame: the program itself
                    break
        except (OSError, TimeoutError):
            pass
        return self._place_in(seen.decode("utf-8", "replace"))

    def _place_in(self, trace: str) -> Place:
        for file, line, function in re.findall(r'File "([^"]*)", line (\d+) in (\S+)', trace):
            if file == self.file:
                return Place(int(line), self.source_line(int(line)), function)
        return Place()

    def source_line(self, line: int) -> str:
        """One line of the file, from 1; empty where there is none."""
        return self.lines[line - 1].strip()[:240] if 0 < line <= len(self.lines) else ""

    def _ended(self, error: Exception) -> StrategyFailure:
        alive = self._process.poll() is None and not isinstance(error, Ended)
        if not alive:
            try:
                self._process.wait(timeout=2)
            except subprocess.TimeoutExpired:
                alive = True
        code = self._process.returncode
        self.stop()
        if alive:
            return StrategyFailure("protocol", f"It wrote into the platform's pipe and was stopped. {error}")
        how = f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
        return StrategyFailure(
            "crash",
            f"Its process ended by itself ({how}). A strategy must not exit, fill the memory or recurse without end.",
        )

    def _raised(self, error: Mapping[str, Any]) -> StrategyFailure:
        line = int(_number(error.get("line")))
        place = Place(line, self.source_line(line), str(error.get("function"))[:80])
        kind = error.get("kind") if error.get("kind") in ("syntax", "contract", "memory") else "raises"
        text = str(error.get("text"))[:480]
        message = text if kind == "contract" else f"{str(error.get('type'))[:80]}: {text}"
        if kind == "memory":
            message = "It needs more memory than it may have. Look at fewer candles, and make fewer copies of arrays."
        return StrategyFailure(str(kind), message, place, parameter=error.get("parameter") is True)


class Ended(OSError):
    """The pipe's other end is closed."""


NO_KERNEL = (
    "This machine's kernel cannot shut a process in (seccomp on Linux, x86-64 or aarch64), so custom strategies do not "
    "run here. XRAY_STRATEGY_UNSAFE=1 runs them all the same, held by Python only: for files you would run yourself."
)


def _wait(pipe: int, until: float, what: int) -> None:
    """Until the pipe is ready. Raises TimeoutError."""
    poll = select.poll()
    poll.register(pipe, what)
    if not poll.poll(max(0.0, until - time.monotonic()) * 1000):
        raise TimeoutError


def _number(value: Any) -> float:
    """A number that a child wrote; 0 for anything else."""
    fine = isinstance(value, (int, float)) and not isinstance(value, bool) and np.isfinite(value)
    return float(min(max(value, 0), 1e12)) if fine else 0.0


def _at(place: Place) -> str:
    return f" at line {place.line} ({place.source})" if place.line else ""
