"""The demo's supervisor. Standard library only: it stays small and starts at once."""
