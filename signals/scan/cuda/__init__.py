"""The kinds of indicators as CUDA C; the same text is C for the host's compiler, which tests it where no GPU is.

`translate` turns one function of the language into C, `source` puts a plan's loop around them, `host` compiles the
text with g++, `compilers` with NVRTC or nvcc.
"""
