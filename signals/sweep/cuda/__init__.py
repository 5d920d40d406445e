"""Sweeps on a GPU: one CUDA C source (`sweep.cu`), also compiled for the host so that tests can hold it to the CPU."""
