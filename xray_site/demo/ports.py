"""Free and busy TCP ports of this machine."""

import socket
import urllib.error
import urllib.request

from xray_site.demo.world import BadOption


def port_number(name: str, text: str) -> int:
    """A port from an option; raises BadOption with the option's name."""
    if not text.isdecimal() or not 1 <= int(text) <= 65535:
        raise BadOption(f"{name} is '{text}'; allowed: a port from 1 to 65535.")
    return int(text)


def port_free(port: int, host: str = "127.0.0.1") -> bool:
    """Whether a server could listen on it now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def port_any() -> int:
    """A free port that the system picks."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def answers(url: str, timeout_s: float = 1.0) -> bool:
    """Whether a local server answers this address with success."""
    try:
        with urllib.request.urlopen(url, timeout=timeout_s) as response:  # nosec B310
            return bool(response.status == 200)
    except (OSError, urllib.error.URLError):
        return False
