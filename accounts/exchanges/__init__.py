"""Connections to exchanges: endpoints, sealed ccxt clients, budget and errors."""
