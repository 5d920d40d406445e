"""Reads for pages and the API; nothing here writes."""
