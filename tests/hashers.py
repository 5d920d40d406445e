"""Passwords of test users: hashed as in production, with the least work that Argon2 does (else each costs 0.1 s)."""

from django.contrib.auth.hashers import Argon2PasswordHasher


class QuickHasher(Argon2PasswordHasher):
    """The same algorithm and format."""

    time_cost, memory_cost, parallelism = 1, 8, 1
