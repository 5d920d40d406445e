#!/usr/bin/env python
"""Command line of Market X-Ray."""

import os
import sys


def main() -> int:
    """Run a management command; the practice exchange starts without loading Django, to stay small."""
    if sys.argv[1:2] == ["practice_exchange"] and "--help" not in sys.argv:
        from trading.practice.server import main as practice_main

        return practice_main(sys.argv[2:])
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "xray_site.settings")
    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)
    return 0


if __name__ == "__main__":
    sys.exit(main())
