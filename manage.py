#!/usr/bin/env python
"""Command line of Market X-Ray."""

import os
import sys


def main() -> int:
    """Run a management command; the practice exchange and the supervisor start without Django, to stay small."""
    if sys.argv[1:2] == ["practice_exchange"]:
        from trading.practice.server import main as practice_main

        return practice_main(sys.argv[2:])
    if sys.argv[1:2] == ["run_demo"]:
        from xray_site.demo.run import main as demo_main

        return demo_main(
            [argument for argument in sys.argv[2:] if argument != "--separate"], separate="--separate" in sys.argv
        )
    from xray_site.commandline import command_end

    return command_end(sys.argv[1:], _django)


def _django() -> int:
    """A management command, with the settings of the demo beside it."""
    from xray_site.demo.beside import main as demo_settings_main

    if code := demo_settings_main(sys.argv[1:]):
        return code
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "xray_site.settings")
    try:
        from django.core.management import execute_from_command_line
    except ModuleNotFoundError as error:
        if error.name != "django":
            raise
        sys.stderr.write("This Python has no Django: type .venv/bin/python manage.py ... (`make setup` makes .venv).\n")
        return 1

    execute_from_command_line(sys.argv)
    return 0


if __name__ == "__main__":
    sys.exit(main())
