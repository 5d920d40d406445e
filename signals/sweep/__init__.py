"""Parameter sweeps: thousands of parameter sets over one symbol's candles, as a declared approximation on floats."""
