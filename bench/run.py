"""`make bench`: every benchmark, one JSON line a figure, calibration lines first. Arguments choose some by name."""

import importlib
import os
import sys

NAMES = ("scan", "candle_close", "fan_out", "candles", "sweep", "execution")


def main(arguments: list[str]) -> int:
    """Run the chosen benchmarks (all without arguments); exit code 2 for an unknown name."""
    if unknown := set(arguments) - set(NAMES):
        sys.stderr.write(f"No benchmark {', '.join(sorted(unknown))}. There are: {', '.join(NAMES)}.\n")
        return 2
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "xray_site.settings")
    import django

    django.setup()
    from bench.timing import calibrate

    calibrate()
    for name in arguments or NAMES:
        importlib.import_module(f"bench.{name}").run()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
