"""Other people's tools, each in its own environment, measured in the same run on the same data and cores.

A peer is a file that runs alone: `python peer.py data.npz` prints one JSON object, its seconds and results.
"""
