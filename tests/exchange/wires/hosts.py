"""The exchanges' own host names on this machine: each is a TLS door to a local server, and every other name is refused.

The platform runs as it does in the field: no override of addresses, unmodified URLs of ccxt, certificates checked.
What went through a door is kept as it was sent: host, request line, headers.
"""

import asyncio
import datetime
import re
import socket
import ssl
import threading
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

HEAD = re.compile(rb"(GET|POST|PUT|DELETE) (\S+) HTTP/1\.1\r\n((?:[^\r\n]+\r\n)*)\r\n")


@dataclass(frozen=True, slots=True)
class Heard:
    """One request as it was sent to a host; header names in small letters."""

    host: str
    method: str
    target: str
    headers: dict[str, str]


class Hosts:
    """`with Hosts(folder, {"api.bybit.com": port, ...}) as hosts:` opens the doors; `heard` is in order of arrival."""

    def __init__(self, folder: Path, ports: dict[str, int]) -> None:
        self.folder, self.ports = folder, ports
        self.doors: dict[str, int] = {}
        self.heard: list[Heard] = []
        self.refused: list[str] = []  # names that were asked for and are none of these
        self.loop = asyncio.new_event_loop()

    def __enter__(self) -> "Hosts":
        certificate, key = _certificate(self.folder, list(self.ports))
        self.trusted = ssl.create_default_context(cafile=str(certificate))
        served = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        served.load_cert_chain(certificate, key)
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.thread.start()
        asyncio.run_coroutine_threadsafe(self._open(served), self.loop).result(10)
        return self

    def __exit__(self, *_: Any) -> None:
        asyncio.run_coroutine_threadsafe(self._close(), self.loop).result(10)
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(10)

    async def _open(self, served: ssl.SSLContext) -> None:
        self.servers = []
        for host, port in self.ports.items():
            server = await asyncio.start_server(self._door(host, port), "127.0.0.1", 0, ssl=served)
            self.doors[host] = server.sockets[0].getsockname()[1]
            self.servers.append(server)

    async def _close(self) -> None:
        for server in self.servers:
            server.close()
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()
        await asyncio.sleep(0)

    def _door(self, host: str, port: int) -> Any:
        async def through(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            theirs, to_them = await asyncio.open_connection("127.0.0.1", port)
            with suppress(asyncio.CancelledError):  # the doors close
                await asyncio.gather(self._carried(reader, to_them, host), self._carried(theirs, writer, ""))

        return through

    async def _carried(self, source: asyncio.StreamReader, target: asyncio.StreamWriter, host: str) -> None:
        unread = b""
        with suppress(OSError, asyncio.CancelledError):
            while data := await source.read(65536):
                if host:
                    unread = self._note(host, unread + data)
                target.write(data)
                await target.drain()
        target.close()

    def _note(self, host: str, text: bytes) -> bytes:
        """Keep the requests in what was sent; what is left may be the beginning of another."""
        end = 0
        for found in HEAD.finditer(text):
            lines = (line.split(": ", 1) for line in found[3].decode().splitlines())
            headers = {name.lower(): value for name, value in lines}
            self.heard.append(Heard(host, found[1].decode(), found[2].decode(), headers))
            end = found.end()
        return text[end:][-8192:]

    def resolver(self, **_: Any) -> "Resolver":
        """In the place of aiohttp's own."""
        return Resolver(self)


class Resolver:
    """Names of the doors alone."""

    def __init__(self, hosts: Hosts) -> None:
        self.hosts = hosts

    async def resolve(self, host: str, _port: int = 0, family: int = socket.AF_INET) -> list[dict[str, Any]]:
        """As aiohttp asks. Raises OSError for a name that has no door."""
        if host not in self.hosts.doors:
            self.hosts.refused.append(host)
            raise OSError(f"{host} is no host of this test")
        at = {"hostname": host, "host": "127.0.0.1", "port": self.hosts.doors[host]}
        return [at | {"family": socket.AF_INET, "proto": 0, "flags": socket.AI_NUMERICHOST}]

    async def close(self) -> None:
        """Nothing is kept."""


def _certificate(folder: Path, names: list[str]) -> tuple[Path, Path]:
    """Files of a certificate that vouches for itself, and of its key."""
    key, own = ec.generate_private_key(ec.SECP256R1()), x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(own)
        .issuer_name(own)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name) for name in names]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    kept, secret = folder / "hosts.pem", folder / "hosts.key"
    kept.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    plain = serialization.NoEncryption()
    secret.write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain))
    return kept, secret
