"""Custom strategies: files of trader-quants, run by the same contract as the built-in ones in a process of their own.

The child's side (`host`, `sandbox`, `trace`) knows no Django; `wire` is spoken by both; the rest is the parent's.
"""
