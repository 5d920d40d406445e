"""The life of a custom strategy: offered, checked, enabled by staff, followed, paused; and what it says in a scan."""

from collections.abc import Iterator

import numpy as np
import pytest

from accounts.models import AuditEvent, Notice, User
from signals import sources
from signals.custom import pool
from signals.custom.client import StrategyFailure
from signals.custom.pool import Source, Warm, warm_keep
from signals.custom.resolve import version_rules
from signals.custom.source import CustomStrategySource
from signals.models import CustomStrategy, Signal, Strategy
from signals.scan.pass_cpu import lanes_compute
from signals.services.custom import (
    FAILURES_LIMIT,
    CustomError,
    custom_check,
    custom_disable,
    custom_enable,
    custom_failed,
    custom_follow,
    custom_offer,
    folder_read,
)
from signals.services.explain import signal_explain
from signals.services.scan import scan_run
from signals.services.strategies import strategy_change
from signals.sources import ScanContext
from signals.tasks import custom_folder_watch
from tests.signals.custom.files import text
from tests.signals.support import walk_matrix

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def patient(settings) -> Iterator[None]:
    settings.XRAY_STRATEGY_TIMEOUT_S = 20.0  # a busy machine; what is slow has its own test
    yield
    warm_keep(set())


@pytest.fixture
def staff() -> User:
    return User.objects.create_superuser("staff@example.com", "a-long-password-1")


@pytest.fixture
def unchecked(monkeypatch):
    """The check says that all is well, at once (it has its own tests)."""
    import re

    from signals.custom.report import Report

    def report(*, file, source, real=None):
        names = {name: re.search(f'{name} = "(.*)"', source).group(1) for name in ("kind", "name", "title")}
        return Report(file, "", {**names, "kind": f"custom:{names['kind']}"})

    monkeypatch.setattr("signals.services.custom.report_make", report)


def installed(source: str = "", file: str = "mine.py", actor: User | None = None) -> CustomStrategy:
    custom, _ = custom_offer(file=file, source=source or text(), actor=actor)
    custom_check(custom=custom)
    return custom


def test_a_file_becomes_a_strategy_version_when_staff_say_so(staff):
    custom = installed(actor=staff)
    assert (custom.status, custom.name, custom.report["good"]) == ("checked", "line_cross", True)
    assert not Strategy.objects.filter(kind="custom:line_cross").exists()
    version = custom_enable(custom=custom, actor=staff)
    assert (version.kind, version.name, version.version, version.custom) == (
        "custom:line_cross",
        "LineCross",
        1,
        custom,
    )
    assert version.parameters == {"period": 20} and custom.status == "enabled"
    actions = AuditEvent.objects.filter(object_id=str(custom.public_id), actor=staff).values_list("action", flat=True)
    assert set(actions) == {"custom_strategy.uploaded", "custom_strategy.enabled"}
    custom_disable(custom=custom, actor=staff)
    version.refresh_from_db()
    assert custom.status == "disabled" and not version.enabled
    assert custom_enable(custom=custom, actor=staff) == version  # the same content with the same values


def test_a_refused_file_is_not_enabled(staff):
    custom = installed(text("close = np.roll(close, -1, axis=1)\nup = up & (close > line)"))
    assert custom.status == "refused"
    with pytest.raises(CustomError, match=r"mine.py, line 22: It looks ahead"):
        custom_enable(custom=custom, actor=staff)


def test_an_unchecked_file_is_not_enabled(staff):
    custom, fresh = custom_offer(file="mine.py", source=text())
    assert fresh and not custom_offer(file="mine.py", source=text())[1]
    with pytest.raises(CustomError, match="not checked yet"):
        custom_enable(custom=custom, actor=staff)


@pytest.mark.parametrize(
    ("file", "source"), [("../x.py", "x"), ("x.txt", "x"), ("x.py", " "), ("x.py", "x" * 300_000), (".x.py", "x")]
)
def test_odd_files_are_not_offered(file, source):
    with pytest.raises(CustomError):
        custom_offer(file=file, source=source)
    assert not CustomStrategy.objects.exists()


def test_names_belong_to_one_file(staff, unchecked):
    custom_enable(custom=installed(), actor=staff)
    with pytest.raises(CustomError, match=r"belongs to mine\.py"):
        custom_enable(custom=installed(file="other.py", source=text() + "\n"), actor=staff)
    with pytest.raises(CustomError, match="another strategy with the name"):
        custom_enable(custom=installed(text(kind="second"), "second.py"), actor=staff)


def test_changed_parameters_are_checked_by_the_file_itself(staff, unchecked):
    rule = "    def check(self, values):\n        if values['period'] == 13: raise ParameterError('no 13')\n\n"
    source = text(top="from signals.domain.strategies.base import ParameterError").replace(
        "    def indicators", rule + "    def indicators"
    )
    first = custom_enable(custom=installed(source), actor=staff)
    second = strategy_change(strategy=first, parameters={"period": 30})
    assert (second.version, second.custom, second.parameters) == (2, first.custom, {"period": 30})
    for value, words in ((13, "no 13"), (500, "from 5 to 60")):
        with pytest.raises(ValueError, match=words):
            strategy_change(strategy=second, parameters={"period": value})


def test_a_changed_file_is_the_next_version_and_keeps_the_parameters(staff, unchecked):
    first = custom_enable(custom=installed(), actor=staff)
    strategy_change(strategy=first, parameters={"period": 30})
    changed = installed(text("up = up & (close > 0.0)"))
    version = custom_enable(custom=changed, actor=staff)
    assert (version.version, version.parameters, version.custom) == (3, {"period": 30}, changed)
    first.custom.refresh_from_db()
    assert first.custom.status == "disabled" and list(Strategy.objects.filter(enabled=True)) == [version]
    assert first.custom.source == text()  # what an old signal was made with can be run again


def test_the_folder_offers_and_only_what_staff_follow_takes_its_place(
    staff, unchecked, settings, tmp_path, monkeypatch
):
    settings.XRAY_STRATEGY_DIR = str(tmp_path / "mine")
    asked = []
    monkeypatch.setattr("signals.tasks.custom_check.delay", asked.append)
    custom_folder_watch()
    (tmp_path / "mine").mkdir()
    path = tmp_path / "mine" / "mine.py"
    path.write_text(text())
    (tmp_path / "mine" / "_helper.py").write_text("x = 1")
    (tmp_path / "mine" / "broken.py").write_bytes(b"\xff\xfe")
    (tmp_path / "mine" / "link.py").symlink_to(path)
    custom_folder_watch()
    custom_folder_watch()
    (custom,) = CustomStrategy.objects.all()
    assert asked == [custom.pk] and custom.status == "offered" and custom.uploaded_by_id is None
    custom_check(custom=custom)
    assert not custom_follow(custom=custom) and custom.status == "checked"
    custom_enable(custom=custom, actor=staff)

    path.write_text(text("up = up & (close > 0.0)"))
    (second,) = folder_read()
    custom_check(custom=second)
    assert not custom_follow(custom=second)
    assert "stays in force" in Notice.objects.get(user=None).title
    custom_enable(custom=second, actor=staff, follow=True)

    path.write_text(text("up = up & (close > 1.0)"))
    (third,) = folder_read()
    custom_check(custom=third)
    assert custom_follow(custom=third)
    third.refresh_from_db()
    assert (third.status, third.follow) == ("enabled", True)
    assert AuditEvent.objects.filter(action="custom_strategy.enabled", actor=None).count() == 1


def test_a_followed_file_that_fails_leaves_the_last_good_one_in_force(staff):
    custom_enable(custom=installed(), actor=staff, follow=True)
    broken = installed(text("1 / 0"))
    assert broken.status == "refused" and not custom_follow(custom=broken)
    (version,) = Strategy.objects.filter(enabled=True)
    assert version.custom.status == "enabled" and version.custom.source == text()
    notice = Notice.objects.get(user=None)
    assert notice.level == "warn" and "ZeroDivisionError" in notice.text and "line 22" in notice.text


def context(matrix, since=1) -> ScanContext:
    from signals.domain.timeframes import open_time

    newest = int(matrix.open_time_ms[-1])
    since_ms = int(matrix.open_time_ms[-since])
    return ScanContext("binance", "1m", open_time(newest), matrix.symbols, matrix, since_ms)


def test_a_scan_gets_the_drafts_that_the_same_code_gives_on_the_whole(staff, unchecked):
    version = custom_enable(custom=installed(), actor=staff)
    matrix = walk_matrix(40, 300)
    drafts = CustomStrategySource().drafts(context(matrix, since=30))
    with version_rules(version) as rules:
        lanes = lanes_compute(matrix, rules.indicators(version.parameters))
        whole = rules.decide(lanes, version.parameters)
    expected = {
        (matrix.symbols[row], int(matrix.open_time_ms[column]), int(whole.side[row, column]))
        for row, column in np.argwhere(whole.side)
        if column >= 270
    }
    assert {(d.symbol, d.candle_open_ms, 1 if d.side == "buy" else -1) for d in drafts} == expected and expected
    assert all(d.strategy_id == version.pk and d.confidence == 0.5 and "its average" in d.reason for d in drafts)
    assert all(set(d.inputs) == {"line", "close", "anchor_ms"} for d in drafts)


def test_a_scan_stores_the_signals_of_a_custom_strategy(staff, unchecked, market, at_candle):
    version = custom_enable(
        custom=installed(text("up = close > 0.0\ndown = up & False\nconfidence = up * 1.0")), actor=staff
    )
    sources.register(CustomStrategySource())
    opened, clock = at_candle(1100)
    with clock:
        scan = scan_run(exchange="binance", timeframe="1m", candle_open_time=opened)
    assert scan.error == ""
    stored = Signal.objects.filter(strategy=version, candle_open_time=opened, side="buy")
    assert stored.count() == 6
    told = signal_explain(signal=stored[0])
    assert told.same and told.again["anchor_ms"] == stored[0].provenance["anchor_ms"]


def test_one_that_fails_harms_no_other_and_is_paused(staff, unchecked, settings):
    good = custom_enable(custom=installed(text("up = close > 0.0\nconfidence = up * 0.9")), actor=staff)
    bad = text("raise ValueError('my fault')", kind="second", name="Second")
    failing = custom_enable(custom=installed(bad, "second.py"), actor=staff)
    matrix = walk_matrix(5, 200)
    for round_ in range(1, FAILURES_LIMIT + 1):
        drafts = CustomStrategySource().drafts(context(matrix))
        assert {draft.strategy_id for draft in drafts} == {good.pk} and len(drafts) == 5
        failing.custom.refresh_from_db()
        assert failing.custom.failures == round_
    assert failing.custom.status == "paused" and "second.py:22" in failing.custom.last_error
    failing.refresh_from_db()
    assert not failing.enabled
    notice = Notice.objects.get(user=None)
    assert notice.level == "bad" and "my fault" in notice.text and "/customstrategy/" in notice.link
    assert custom_enable(custom=failing.custom, actor=staff).enabled and failing.custom.failures == 0


def test_a_slow_one_is_stopped_while_the_others_answer(staff, unchecked, settings):
    good = custom_enable(custom=installed(text("up = close > 0.0\nconfidence = up * 0.9")), actor=staff)
    slow = text("while close.shape[1] > 20: pass", kind="second", name="Second")
    hanging = custom_enable(custom=installed(slow, "second.py"), actor=staff)
    CustomStrategySource().drafts(context(walk_matrix(5, 200)))  # both processes are warm afterwards
    pool.warm_get(Source("second.py", slow, hanging.custom.digest)).rules()._seconds = 0.3
    drafts = CustomStrategySource().drafts(context(walk_matrix(5, 200), since=30))
    hanging.custom.refresh_from_db()
    assert {draft.strategy_id for draft in drafts} == {good.pk}
    assert hanging.custom.failures == 1 and "second.py:22: No answer within 0.3 s" in hanging.custom.last_error


def test_failures_are_counted_in_a_row(staff, unchecked):
    version = custom_enable(custom=installed(text("up = close > 0.0")), actor=staff)
    custom_failed(custom_id=version.custom.pk, error="once")
    CustomStrategySource().drafts(context(walk_matrix(5, 200)))
    version.custom.refresh_from_db()
    assert version.custom.failures == 0


def test_a_process_is_kept_between_scans_and_goes_when_the_strategy_does(staff, unchecked):
    version = custom_enable(custom=installed(), actor=staff)
    matrix = walk_matrix(5, 200)
    CustomStrategySource().drafts(context(matrix))
    warm = pool._warm[version.custom.digest]
    child = warm.child()
    CustomStrategySource().drafts(context(matrix))
    assert warm.child() is child and child.alive
    custom_disable(custom=version.custom, actor=staff)
    assert CustomStrategySource().drafts(context(matrix)) == []
    assert not child.alive and not pool._warm


def test_a_process_that_fell_is_started_again_later_and_later(monkeypatch):
    moment = [100.0]
    monkeypatch.setattr(pool.time, "monotonic", lambda: moment[0])
    started = []

    class Fallen:
        described, alive, cpu_s = {}, True, 0.0

        def stop(self) -> None:
            self.alive = False

    monkeypatch.setattr(pool, "child_start", lambda file, source: started.append(Fallen()) or started[-1])
    warm = Warm(Source("mine.py", "", "x"))
    for fall, wait in enumerate((1.0, 2.0, 4.0), 1):
        warm.child().alive = False
        with pytest.raises(StrategyFailure, match=f"ended {fall} times"):
            warm.child()
        moment[0] += wait
    assert warm.child().alive and len(started) == 4
    warm.child().cpu_s = pool.CPU_S  # worn out is no fall
    assert warm.child() is started[4]
