"""Redis as Celery's broker: a worker outlives the server's restart."""

from kombu.transport import redis


class Channel(redis.Channel):  # type: ignore[misc]
    """A channel that is closed once it was told to close."""

    def close(self) -> None:
        """Close it, also when the server is gone.

        kombu first reads the answer to a poll that is under way. When the server is gone that raises, and the channel
        still counts as open: closed once more, without its connection, it ended the whole worker (kombu 5.7.0,
        "'NoneType' object has no attribute 'hostname'").
        """
        try:
            super().close()
        except redis.Transport.connection_errors:
            super().close()


class Transport(redis.Transport):  # type: ignore[misc]
    """kombu's, with this channel."""

    Channel = Channel
