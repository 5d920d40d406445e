"""`make gpu-check`, with a CuPy that computes on the host: that it compares, measures, writes its page, and notices."""

import json

import pytest

from bench import gpu as check
from bench import gpu_sweep
from signals.scan import pass_gpu
from signals.scan.cuda import host
from tests.signals.scan import markets
from tests.signals.scan.fake_cupy import FakeCupy

pytestmark = pytest.mark.skipif(host.compiler() is None, reason="needs a C++ compiler (g++)")


@pytest.fixture
def gpu(monkeypatch, settings, tmp_path) -> FakeCupy:
    fake = FakeCupy()
    monkeypatch.setattr(pass_gpu, "cupy", lambda: fake)
    monkeypatch.setattr(check, "SHAPES", ((20, 100),))
    monkeypatch.setattr(check, "COPIED", 1000)
    monkeypatch.setattr(markets, "MADE", ("short", "ragged"))
    monkeypatch.setattr(gpu_sweep, "measured", lambda *_given: True)  # the sweep has a device of its own, and its tests
    monkeypatch.delenv("XRAY_MARKET_DATA", raising=False)
    settings.VAR_DIR = tmp_path
    pass_gpu._module.cache_clear()
    yield fake
    pass_gpu._module.cache_clear()


def test_it_compares_measures_and_writes_the_page(gpu, capsys, tmp_path):
    assert check.main() == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["figure"] for line in lines] == ["gpu", "gpu comparison", "gpu comparison", "gpu scan"]
    assert lines[0]["fp64_giga_instructions_per_s"] == 127.2
    assert all(line["columns_with_other_bits"] == [] and line["candles_decided_otherwise"] == 0 for line in lines[1:3])
    assert "Fake: all values agree." in (tmp_path / "gpu-check.md").read_text()


def test_a_difference_fails_it(gpu, capsys, tmp_path):
    gpu.wrong = 1e-12
    assert check.main() == 1
    assert "VALUES DIFFER on short, ragged" in (tmp_path / "gpu-check.md").read_text()


def test_without_a_gpu_it_says_so(gpu, capsys):
    gpu.devices = 0
    assert check.main() == 3
    assert capsys.readouterr().err == "gpu-check: CUDA finds no device. Nothing was compared.\n"
